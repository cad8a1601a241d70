//! CEL expressions of event rules: compiles and evaluates one, bounded in cost; never decides what its answer leads to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, Program, Value};

use super::expression_bounds::{self, Needs};
use super::facts::Facts;
use crate::base::ceilings::CONDITION_CHARS;

/// Stack of the thread that parses: the parser recurses with the text, and an overflow cannot be caught.
const PARSER_STACK_BYTES: usize = 16 * 1024 * 1024;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    // Optional syntax off: what it adds would only be a second way to say `has`.
    Arc::new(Env::stdlib().with_optional_support(false))
});

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Expression {
    program: Program,
    needs: Needs,
}

impl Expression {
    /// Compiles `text`: it parses, knows every name and cannot cost more than its input is large.
    ///
    /// # Errors
    /// A sentence for whoever wrote it.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        if text.chars().count() > CONDITION_CHARS {
            return Err(format!(
                "an expression has at most {CONDITION_CHARS} characters"
            ));
        }
        let text = text.to_owned();
        std::thread::Builder::new()
            .name("expression-parser".to_owned())
            .stack_size(PARSER_STACK_BYTES)
            .spawn(move || Self::parse(&text))
            .map_err(|e| format!("the expression could not be parsed: {e}"))?
            .join()
            .unwrap_or_else(|_| Err("the expression cannot be parsed".to_owned()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let program = ENV.compile(text).map_err(|e| {
            let all = e.to_string();
            let first = all.lines().find(|l| !l.trim().is_empty());
            format!(
                "expected a CEL expression: {}",
                first.unwrap_or("it cannot be parsed").trim()
            )
        })?;
        let needs = expression_bounds::read(program.expression())?;
        Ok(Self { program, needs })
    }

    /// Which bodies it looks at.
    pub(super) const fn needs(&self) -> Needs {
        self.needs
    }

    /// Its value. Takes microseconds for small bodies; not for the proxy's threads where it needs one.
    ///
    /// # Errors
    /// What went wrong, for the log: a member that is not there, types that do not fit, or a panic in the evaluator.
    pub(super) fn value(&self, facts: &Facts) -> Result<Value, String> {
        let run = || {
            let mut context = Context::with_env(Arc::clone(&ENV));
            facts.bind(&mut context);
            self.program.execute(&context)
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(value)) => Ok(value),
            // Only the kind of error: its text can hold values of a client's body.
            Ok(Err(e)) => Err(error_kind(&e)),
            Err(_) => Err("the evaluator panicked".to_owned()),
        }
    }
}

fn error_kind(e: &cel::ExecutionError) -> String {
    use cel::ExecutionError as E;
    match e {
        E::NoSuchKey(key) => format!("no such member: {key}"),
        E::NoSuchOverload(o) => format!("types do not fit: {o}"),
        other => {
            let debug = format!("{other:?}");
            let end = debug.find(['(', ' ', '{']).unwrap_or(debug.len());
            debug[..end].to_owned()
        }
    }
}
