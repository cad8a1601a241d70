//! Reads a parsed expression: which names and bodies it uses and whether its cost is bounded; never evaluates it.

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, operators};

/// Depth of an expression at most: evaluation recurses, and a stack that overflows cannot be caught.
const MAX_DEPTH: usize = 60;

/// Variables and the members that they have.
const VARIABLES: &[(&str, &[&str])] = &[
    (
        "request",
        &["method", "path", "params", "query", "headers", "body"],
    ),
    ("response", &["status", "headers", "body"]),
    ("route", &["path", "method"]),
    ("account", &["id"]),
];

/// Names of types, for `type(x) == string` and conversions.
const TYPES: &[&str] = &[
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
];

/// Functions of the CEL standard library that expressions may call; `has` and the loops are macros and gone by now.
const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "bytes",
    "type",
    "dyn",
    "timestamp",
    "duration",
    "getFullYear",
    "getMonth",
    "getDayOfYear",
    "getDayOfMonth",
    "getDate",
    "getDayOfWeek",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];

/// What an expression needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Needs {
    /// `request.body`.
    pub(super) request_body: bool,
    /// `response.body`.
    pub(super) response_body: bool,
}

/// Walks `root` and tells what it needs, or why it is refused.
pub(super) fn read(root: &IdedExpr) -> Result<Needs, String> {
    let mut walk = Walk::default();
    walk.expr(root, 0)?;
    Ok(walk.needs)
}

#[derive(Default)]
struct Walk<'a> {
    needs: Needs,
    /// Loop variables in scope.
    scope: Vec<&'a str>,
    /// Whether what is read runs once for each item of a list.
    looping: bool,
}

impl<'a> Walk<'a> {
    fn expr(&mut self, e: &'a IdedExpr, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!(
                "the expression nests deeper than {MAX_DEPTH} levels"
            ));
        }
        let depth = depth + 1;
        match &e.expr {
            Expr::Unspecified => Err("the expression has a part that says nothing".to_owned()),
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.ident(name),
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(root) if !self.is_local(root) => self.member(root, &select.field),
                _ => self.expr(&select.operand, depth),
            },
            Expr::Call(call) => {
                self.function(&call.func_name)?;
                if self.looping {
                    bounded_in_loop(&call.func_name, &call.args)?;
                }
                if call.func_name == operators::ADD {
                    self.keeps_only_the_item(&call.args)?;
                }
                if let Some(target) = &call.target {
                    self.expr(target, depth)?;
                }
                call.args.iter().try_for_each(|a| self.expr(a, depth))
            }
            Expr::List(list) => {
                self.keeps_only_the_item(&list.elements)?;
                list.elements.iter().try_for_each(|x| self.expr(x, depth))
            }
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::StructField(f) => self.expr(&f.value, depth),
                EntryExpr::MapEntry(m) => {
                    self.keeps_only_the_item(std::slice::from_ref(&m.value))?;
                    self.expr(&m.key, depth)?;
                    self.expr(&m.value, depth)
                }
            }),
            Expr::Struct(s) => Err(format!("there is no type {}", s.type_name)),
            Expr::Comprehension(c) => self.comprehension(c, depth),
        }
    }

    /// A loop costs its items; a loop in a loop their product, which a small body can make unbearable.
    fn comprehension(&mut self, c: &'a ComprehensionExpr, depth: usize) -> Result<(), String> {
        if self.looping {
            return Err("all, exists, exists_one, map and filter may not be nested".to_owned());
        }
        self.expr(&c.iter_range, depth)?;
        self.expr(&c.accu_init, depth)?;
        let locals = [Some(&c.iter_var), c.iter_var2.as_ref(), Some(&c.accu_var)];
        for name in locals.into_iter().flatten() {
            if VARIABLES.iter().any(|(v, _)| v == name) {
                return Err(format!("{name} may not be the name of a loop's variable"));
            }
            self.scope.push(name);
        }
        self.looping = true;
        let looped = self
            .expr(&c.loop_cond, depth)
            .and_then(|()| self.expr(&c.loop_step, depth));
        self.looping = false;
        looped?;
        self.expr(&c.result, depth)?;
        self.scope
            .truncate(self.scope.len() - locals.iter().flatten().count());
        Ok(())
    }

    /// What is put together in a loop is copied, once for each item: only what belongs to the item itself keeps all of it
    /// within the size of the list.
    fn keeps_only_the_item(&self, parts: &[IdedExpr]) -> Result<(), String> {
        if self.looping && parts.iter().any(|p| self.brings_in(p)) {
            return Err(OUTSIDE.to_owned());
        }
        Ok(())
    }

    /// Whether a value from outside the loop, or a part of one, may be what an expression comes to.
    fn brings_in(&self, e: &IdedExpr) -> bool {
        let any = |all: &[IdedExpr]| all.iter().any(|x| self.brings_in(x));
        match &e.expr {
            Expr::Literal(_) => false,
            Expr::Ident(name) => !self.is_local(name) && !TYPES.contains(&name.as_str()),
            // `has` is a bool.
            Expr::Select(select) => !select.test && self.brings_in(&select.operand),
            Expr::Call(call) if is_small(&call.func_name) => false,
            Expr::Call(call) if call.func_name == operators::CONDITIONAL => {
                call.args.get(1..).is_none_or(any)
            }
            Expr::Call(call) => {
                call.target.as_deref().is_some_and(|t| self.brings_in(t)) || any(&call.args)
            }
            Expr::List(list) => any(&list.elements),
            // What is in a map is looked at where the map is; everything else is refused where it is.
            Expr::Map(_) | Expr::Unspecified | Expr::Struct(_) | Expr::Comprehension(_) => false,
        }
    }

    fn is_local(&self, name: &str) -> bool {
        name.starts_with('@') || self.scope.contains(&name)
    }

    /// A name by itself: the whole of a variable is as good as its body.
    fn ident(&mut self, name: &str) -> Result<(), String> {
        if self.is_local(name) {
            return Ok(());
        }
        let name = name.strip_prefix('.').unwrap_or(name);
        match name {
            "request" => self.needs.request_body = true,
            "response" => self.needs.response_body = true,
            _ if TYPES.contains(&name) => {}
            _ if VARIABLES.iter().any(|(v, _)| *v == name) => {}
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    fn member(&mut self, root: &str, field: &str) -> Result<(), String> {
        let root = root.strip_prefix('.').unwrap_or(root);
        let Some((_, members)) = VARIABLES.iter().find(|(v, _)| *v == root) else {
            return Err(unknown(root));
        };
        if !members.contains(&field) {
            return Err(format!(
                "{root} has no {field}; it has {}",
                members.join(", ")
            ));
        }
        match (root, field) {
            ("request", "body") => self.needs.request_body = true,
            ("response", "body") => self.needs.response_body = true,
            _ => {}
        }
        Ok(())
    }

    fn function(&self, name: &str) -> Result<(), String> {
        let is_operator = !name.starts_with(|c: char| c.is_ascii_alphabetic());
        if is_operator || FUNCTIONS.contains(&name) {
            return Ok(());
        }
        Err(format!("there is no function {name}"))
    }
}

const OUTSIDE: &str = "within a loop, lists, maps and + may only hold what belongs to the item; \
                       what is from outside the loop can be compared with and stand beside it";

/// Whether a function's value is a number, a bool or an instant, however large what it looks at is.
fn is_small(function: &str) -> bool {
    let takes_over = [operators::CONDITIONAL, operators::INDEX, operators::ADD];
    let is_operator = !function.starts_with(|c: char| c.is_ascii_alphabetic());
    if is_operator {
        return !takes_over.contains(&function);
    }
    !["string", "bytes", "dyn"].contains(&function)
}

fn unknown(name: &str) -> String {
    format!("there is no {name}; what there is: request, response, route and account")
}

/// Calls that walk a list or compile a pattern are loops of their own: within a loop only over something written down.
fn bounded_in_loop(function: &str, args: &[IdedExpr]) -> Result<(), String> {
    let last_is_written = args
        .last()
        .is_some_and(|a| matches!(a.expr, Expr::Literal(_) | Expr::List(_)));
    match function {
        operators::IN if !last_is_written => {
            Err("within a loop, in may only look in a list that is written down".to_owned())
        }
        "matches" if !last_is_written => {
            Err("within a loop, matches needs a pattern that is written down".to_owned())
        }
        _ => Ok(()),
    }
}
