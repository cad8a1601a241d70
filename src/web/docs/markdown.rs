//! CommonMark text as HTML that may stand in our pages; never markup, a style or a script of the text's author.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{
    Alignment, CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd,
};

use super::highlight::Language;
use super::ui::code;

/// A text as HTML.
pub(crate) struct Rendered {
    /// The HTML.
    pub(crate) html: Markup,
    /// Its headings of the second level: what they link to, and their text.
    pub(crate) headings: Vec<(String, String)>,
}

/// Renders a whole text whose relative links start at `base`.
pub(crate) fn page(text: &str, base: &str) -> Rendered {
    let mut writer = Writer {
        base,
        headings: Vec::new(),
        dropped_links: 0,
    };
    let mut events = Vec::new();
    let mut source = parser(text);
    while let Some(event) = source.next() {
        writer.take(event, &mut source, &mut events);
    }
    let mut out = String::with_capacity(text.len() * 3 / 2);
    pulldown_cmark::html::push_html(&mut out, events.into_iter());
    Rendered {
        html: PreEscaped(out),
        headings: writer.headings,
    }
}

/// Renders a description.
pub(crate) fn text(text: &str) -> Markup {
    page(text, "").html
}

/// What a text says, without its markup.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Programs in a text are not what it says.
    let mut is_program = false;
    for event in parser(text) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => is_program = true,
            Event::End(TagEnd::CodeBlock) => is_program = false,
            _ if is_program => {}
            Event::Text(t) | Event::Code(t) | Event::Html(t) | Event::InlineHtml(t) => {
                out.push_str(&t);
            }
            Event::SoftBreak | Event::HardBreak => out.push(' '),
            Event::End(tag) if is_block(tag) => out.push(' '),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A part of a text under a heading of the second level.
pub(crate) struct Section {
    /// What links to it, as [`page`] has it.
    pub(crate) id: String,
    /// Its heading.
    pub(crate) title: String,
    /// What it says, without markup.
    pub(crate) text: String,
}

/// The sections of a text; what stands before the first is in none.
pub(crate) fn sections(text: &str) -> Vec<Section> {
    let mut starts = Vec::new();
    for (event, range) in parser(text).into_offset_iter() {
        if let Event::Start(Tag::Heading { level, .. }) = event
            && level <= HeadingLevel::H2
        {
            starts.push(range);
        }
    }
    let ends = starts.iter().skip(1).map(|r| r.start).chain([text.len()]);
    let headings = page(text, "").headings;
    headings
        .into_iter()
        .zip(starts.iter().zip(ends))
        .map(|((id, title), (heading, end))| Section {
            id,
            title,
            text: plain(text.get(heading.end..end).unwrap_or_default()),
        })
        .collect()
}

const fn is_block(tag: TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::TableCell
    )
}

/// Letters and digits of a text, lower-case, with single hyphens between.
pub(crate) fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH)
}

struct Writer<'b> {
    base: &'b str,
    headings: Vec<(String, String)>,
    /// Links that are open and not shown as such.
    dropped_links: usize,
}

impl Writer<'_> {
    fn take<'t>(
        &mut self,
        event: Event<'t>,
        source: &mut impl Iterator<Item = Event<'t>>,
        out: &mut Vec<Event<'t>>,
    ) {
        match event {
            // What looks like HTML is text: nobody writes our pages but we.
            Event::Html(t) | Event::InlineHtml(t) => out.push(Event::Text(t)),
            Event::Start(Tag::HtmlBlock) => out.push(Event::Start(Tag::Paragraph)),
            Event::End(TagEnd::HtmlBlock) => out.push(Event::End(TagEnd::Paragraph)),
            Event::Start(Tag::Link { dest_url, .. }) => match self.target(&dest_url) {
                Some(target) => out.push(Event::Html(open_link(&target).into())),
                None => self.dropped_links += 1,
            },
            Event::End(TagEnd::Link) if self.dropped_links > 0 => self.dropped_links -= 1,
            Event::End(TagEnd::Link) => out.push(Event::Html("</a>".into())),
            // Pictures would come from elsewhere; what they show is said by their text.
            Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => {}
            Event::Start(Tag::Heading { level, .. }) => self.heading(level, source, out),
            Event::Start(Tag::CodeBlock(kind)) => out.push(code_block(&kind, source)),
            // Alignments would be style attributes.
            Event::Start(Tag::Table(columns)) => {
                let open = r#"<div class="scroll" tabindex="0" role="region" aria-label="Table">"#;
                out.push(Event::Html(open.into()));
                out.push(Event::Start(Tag::Table(vec![
                    Alignment::None;
                    columns.len()
                ])));
            }
            Event::End(TagEnd::Table) => {
                out.push(Event::End(TagEnd::Table));
                out.push(Event::Html("</div>".into()));
            }
            other => out.push(other),
        }
    }

    /// Writes a heading with an id; the page has a first-level one already.
    fn heading<'t>(
        &mut self,
        level: HeadingLevel,
        source: &mut impl Iterator<Item = Event<'t>>,
        out: &mut Vec<Event<'t>>,
    ) {
        let level = level.max(HeadingLevel::H2);
        let mut inner = Vec::new();
        let mut text = String::new();
        for event in source.by_ref() {
            match &event {
                Event::End(TagEnd::Heading(_)) => break,
                Event::Text(t) | Event::Code(t) => text.push_str(t),
                _ => {}
            }
            self.take(event, &mut std::iter::empty(), &mut inner);
        }
        let mut id = slug(&text);
        while self.headings.iter().any(|(other, _)| *other == id) {
            id.push_str("-2");
        }
        let open = html! { (PreEscaped(format!("<{level} id=\""))) (id) (PreEscaped("\">")) };
        out.push(Event::Html(open.into_string().into()));
        out.append(&mut inner);
        out.push(Event::Html(format!("</{level}>\n").into()));
        if level == HeadingLevel::H2 {
            self.headings.push((id, text));
        }
    }

    /// Where a link leads: other sites over HTTP, our own pages, places in this one; nothing else.
    fn target(&self, url: &str) -> Option<String> {
        let lower = url.to_ascii_lowercase();
        if ["http://", "https://"].iter().any(|s| lower.starts_with(s)) {
            return Some(url.to_owned());
        }
        if url.starts_with('#') || (url.starts_with('/') && !url.starts_with("//")) {
            return Some(url.to_owned());
        }
        let is_file = !url.is_empty()
            && !self.base.is_empty()
            && url
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        is_file.then(|| format!("{}{url}", self.base))
    }
}

fn open_link(target: &str) -> String {
    let is_other = !target.starts_with(['/', '#']);
    let link = html! { a href=(target) rel=[is_other.then_some("noopener noreferrer")] {} };
    let text = link.into_string();
    text.strip_suffix("</a>").unwrap_or(&text).to_owned()
}

fn code_block<'t>(
    kind: &CodeBlockKind<'t>,
    source: &mut impl Iterator<Item = Event<'t>>,
) -> Event<'t> {
    let mut code = String::new();
    for event in source.by_ref() {
        match event {
            Event::End(TagEnd::CodeBlock) => break,
            Event::Text(t) => code.push_str(&t),
            _ => {}
        }
    }
    let name: CowStr<'_> = match kind {
        CodeBlockKind::Fenced(info) => info.clone(),
        CodeBlockKind::Indented => "".into(),
    };
    let language = Language::of_name(name.split_whitespace().next().unwrap_or_default());
    let block = code::block("Example", code.trim_end(), language);
    Event::Html(block.into_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(t: &str) -> String {
        page(t, "/docs/webhooks/").html.into_string()
    }

    #[test]
    fn markup_of_the_author_is_text() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<div\tstyle=\"x\">\n\n**bold**\n\n</div>",
            "<svg/onload=alert(1)>",
            "<!-- <script> -->",
            "<?php x ?>",
            "# <b\tonclick=x>title</b>",
            "| <i>a</i> |\n|---|\n| <u>b</u> |",
            "```<b>\n<script>x</script>\n```",
            "[<script>](https://a.example \"<script>\")",
        ] {
            let html = rendered(hostile);
            for tag in [
                "<script", "<img", "<svg/", "<b>", "<b\t", "<i>", "<u>", "<div\t", "<?", "<!--",
            ] {
                assert!(!html.contains(tag), "{hostile}: {html}");
            }
        }
    }

    #[test]
    fn links_lead_to_pages_only() {
        for (url, wanted) in [
            (
                "https://a.example/?a=1&b=\"",
                Some("https://a.example/?a=1&amp;b=&quot;"),
            ),
            ("/docs/api", Some("/docs/api")),
            ("#there", Some("#there")),
            ("verify.py", Some("/docs/webhooks/verify.py")),
            ("javascript:alert(1)", None),
            ("JaVaScRiPt:alert(1)", None),
            ("data:text/html,x", None),
            ("vbscript:x", None),
            ("//evil.example", None),
            ("../up", None),
            ("mailto:a@b.example", None),
        ] {
            let html = rendered(&format!("a [text](<{url}>) b"));
            match wanted {
                Some(w) => assert!(html.contains(&format!("href=\"{w}\"")), "{html}"),
                None => assert!(!html.contains("<a") && html.contains("a text b"), "{html}"),
            }
        }
        assert!(!rendered("![alt text](https://e.example/x.png)").contains("<img"));
    }

    #[test]
    fn nothing_has_a_style_and_tables_can_be_scrolled_by_keyboard() {
        let html = rendered("| a | b |\n| :-: | --: |\n| 1 | 2 |\n\n```sh\ncurl x\n```\n");
        assert!(!html.contains("style="), "{html}");
        assert!(
            html.contains("<div class=\"scroll\" tabindex=\"0\""),
            "{html}"
        );
    }

    #[test]
    fn headings_have_ids_that_differ_and_begin_below_the_pages_own() {
        let page = page("# One\n\n## Two `x`\n\n## Two x\n\n### Three\n", "");
        let html = page.html.into_string();
        assert!(html.contains("<h2 id=\"one\">One</h2>"), "{html}");
        assert!(html.contains("<h2 id=\"two-x-2\">"), "{html}");
        assert!(html.contains("<h3 id=\"three\">"), "{html}");
        let ids: Vec<_> = page.headings.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["one", "two-x", "two-x-2"]);
    }

    #[test]
    fn plain_text_has_the_words_alone() {
        let text = "# Title\n\nSome *bold* `code`\nand [a link](https://x.example).\n\n| a | b |\n|---|---|\n| c | d |\n\n```sh\ncurl x\n```";
        assert_eq!(plain(text), "Title Some bold code and a link. a b c d");
    }
}
