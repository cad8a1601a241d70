//! Whole endpoints that verify, in four languages, as the guide has them; never other code than its tests run.

use maud::{Markup, html};

use crate::web::portal::ui::{self, Sample};

/// Language and program, as they lie beside the guide.
const PROGRAMS: [(&str, &str); 4] = [
    ("Python", include_str!("../../docs/webhooks/verify.py")),
    ("JavaScript", include_str!("../../docs/webhooks/verify.mjs")),
    ("PHP", include_str!("../../docs/webhooks/verify.php")),
    ("Shell", include_str!("../../docs/webhooks/verify.sh")),
];

/// The programs, one language at a time.
pub(in crate::web) fn samples() -> Markup {
    let samples = PROGRAMS.map(|(label, code)| Sample {
        label,
        code: html! { (code) },
    });
    html! {
        (ui::samples("verify", "An endpoint that verifies", &samples))
        (ui::script("samples.mjs"))
    }
}
