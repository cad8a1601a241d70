//! Pages as texts: what they say without tags, and the code in them; never a browser.

/// A page's text without its tags, with entities as the characters they stand for.
pub fn text_of(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        rest = after.split_once('>').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// The code of the block with this name.
pub fn block(page: &str, label: &str) -> String {
    let at = page
        .find(&format!("aria-label=\"{label}\""))
        .unwrap_or_else(|| panic!("no block {label}"));
    let (_, code) = page[at..].split_once("<code data-copy-from>").unwrap();
    let (code, _) = code.split_once("</code>").unwrap();
    text_of(code)
}

/// The page of the operation with this id.
pub fn slug_of(id: &str) -> String {
    let mut slug = String::new();
    for c in id.chars() {
        if c.is_uppercase() {
            slug.push('-');
        }
        slug.extend(c.to_lowercase());
    }
    slug
}

/// The codes of a page's text, in its order.
pub fn blocks(page: &str) -> Vec<String> {
    let all = page.split("<code data-copy-from>").skip(1);
    all.map(|rest| text_of(rest.split("</code>").next().unwrap_or_default()))
        .collect()
}
