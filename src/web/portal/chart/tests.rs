//! Charts as text: what is in them, whatever the values are.

use proptest::prelude::*;

use super::*;

fn chart(points: Vec<Vec<u64>>, span: Granularity) -> Chart {
    let mut start = span.start(Timestamp::parse("2026-10-31T21:00:00Z").unwrap());
    let points: Vec<_> = points
        .into_iter()
        .map(|values| {
            let point = Point { start, values };
            start = span.next(start);
            point
        })
        .collect();
    let now = points.last().map_or(start, |p| p.start);
    Chart {
        id: "requests",
        title: "Requests by status".to_owned(),
        unit: "requests",
        series: vec![
            Series {
                name: "2xx".to_owned(),
                class: "c-2xx",
            },
            Series {
                name: "<b>5xx</b>".to_owned(),
                class: "c-5xx",
            },
        ],
        points,
        span,
        now,
    }
}

fn text_of(chart: &Chart) -> String {
    chart.markup().into_string()
}

#[test]
fn every_value_is_in_the_chart_and_in_the_table() {
    let text = text_of(&chart(
        vec![vec![1_200, 3], vec![0, 0], vec![7, 0]],
        Granularity::Hour,
    ));
    assert!(text.contains(
        "<title>31 Oct 2026, 21:00–22:00 UTC: 1,203 requests (2xx 1,200, &lt;b&gt;5xx&lt;/b&gt; 3)</title>"
    ));
    assert!(text.contains("<title>31 Oct 2026, 22:00–23:00 UTC: no requests</title>"));
    assert!(text.contains(
        "31 Oct 2026, 21:00 UTC</time></th>\
         <td class=\"number\">1,200</td><td class=\"number\">3</td><td class=\"number\">1,203</td>"
    ));
    assert!(text.contains("1,210 requests in all, at most 1,203 in one hour"));
    assert_eq!(text.matches("so far").count(), 1);
}

#[test]
fn days_and_months_are_utc_ones_and_no_instants() {
    let text = text_of(&chart(vec![vec![1, 0]; 3], Granularity::Day));
    assert!(text.contains("31 Oct 2026") && text.contains("2 Nov 2026"));
    assert!(text.contains("Day (UTC)") && !text.contains("<time"));
    let text = text_of(&chart(vec![vec![1, 0]; 4], Granularity::Month));
    assert!(text.contains("November 2026") && text.contains(">Jan 2027</text>"));
    assert!(text.contains("Month (UTC)") && !text.contains("<time"));
}

#[test]
fn a_phone_has_room_for_the_labels() {
    let cases = [
        (24, Granularity::Hour, 4),
        (168, Granularity::Hour, 4),
        (30, Granularity::Day, 3),
        (12, Granularity::Month, 4),
    ];
    for (points, span, most) in cases {
        let text = text_of(&chart(vec![vec![1, 0]; points], span));
        let labels = text.matches("text-anchor=\"middle\"").count();
        let wide = text.matches("<text class=\"wide\"").count();
        assert!(
            (2..=most).contains(&(labels - wide)),
            "{points}: {labels} - {wide}"
        );
    }
}

#[test]
fn a_chart_of_nothing_is_drawn_all_the_same() {
    for text in [
        text_of(&chart(Vec::new(), Granularity::Day)),
        text_of(&chart(vec![vec![0, 0]; 24], Granularity::Hour)),
    ] {
        assert!(text.contains("Requests by status: none."));
    }
}

proptest! {
    #[test]
    fn a_chart_has_no_broken_number_and_no_style(
        values in prop::collection::vec(
            prop::collection::vec(prop_oneof![Just(0), Just(u64::MAX), any::<u64>()], 2),
            0..40,
        ),
    ) {
        let text = text_of(&chart(values.clone(), Granularity::Hour));
        for broken in ["NaN", "inf", "style=", "=\"-", "<script"] {
            prop_assert!(!text.contains(broken), "{broken}");
        }
        let parts: usize = values.iter().flatten().filter(|v| **v > 0).count();
        prop_assert_eq!(text.matches("<rect class=\"c-").count(), parts);
    }
}
