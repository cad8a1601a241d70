//! Reads what the usage page and its file show; never a word of either.

use futures_util::future::{try_join, try_join5};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::controls::Choice;
use super::csv::{self, OfKey};
use super::lists::KeyLine;
use super::page::View;
use super::range::{By, Wanted};
use super::totals::{self, KEY_CLASSES, OTHER_CLASS, OTHER_KEYS, Totals};
use crate::base::ceilings::portal::{
    USAGE_CHART_KEYS, USAGE_ENDPOINTS, USAGE_FILE_KEYS, USAGE_KEY_READS,
};
use crate::keys::model::KeyRecord;
use crate::usage::model::UsagePoint;
use crate::web::portal::own::{Own, Span};
use crate::web::portal::refuse::PageError;

/// A key and what it did.
struct Busy {
    id: String,
    name: String,
    label: String,
    points: Vec<UsagePoint>,
}

/// What the page shows.
pub(super) async fn view(own: &Own, wanted: Wanted) -> Result<View, PageError> {
    let now = own.visit.now;
    let span = wanted.span(now);
    let chosen = chosen(own, &wanted).await?;
    let of_all = try_join5(
        own.quotas(),
        own.series(span, wanted.key.as_deref()),
        own.called(span, wanted.key.as_deref(), USAGE_ENDPOINTS),
        own.rejections(span),
        own.newest_keys(),
    );
    let of_keys = async {
        match wanted.by {
            By::Status => Ok(Vec::new()),
            By::Key => keys(own, span, chosen.as_ref(), USAGE_CHART_KEYS).await,
        }
    };
    let ((used, account, endpoints, rejections, newest), keys) = try_join(of_all, of_keys).await?;
    let (series, points, keys) = match wanted.by {
        By::Status => {
            let (series, points) = totals::by_status(&account);
            (series, points, Vec::new())
        }
        By::Key => {
            let named: Vec<_> = keys
                .iter()
                .map(|k| (k.label.clone(), k.points.clone()))
                .collect();
            let (series, points) = totals::by_key(&named, &account);
            (series, points, lines(&keys, &account))
        }
    };
    Ok(View {
        wanted,
        now,
        used,
        choices: choices(&newest, chosen.as_ref()),
        totals: Totals::of(&account),
        series,
        points,
        keys,
        endpoints,
        rejections,
    })
}

/// The lines of the file.
pub(super) async fn file(own: &Own, wanted: &Wanted) -> Result<String, PageError> {
    let span = wanted.span(own.visit.now);
    let chosen = chosen(own, wanted).await?;
    let account = own.series(span, wanted.key.as_deref()).await?;
    if wanted.by == By::Status {
        return Ok(csv::by_status(&account));
    }
    let keys = keys(own, span, chosen.as_ref(), USAGE_FILE_KEYS).await?;
    let rest = rest(&keys, &account);
    let others = (Totals::of(&rest).made() > 0).then(|| OfKey {
        id: String::new(),
        name: OTHER_KEYS.to_owned(),
        points: rest,
    });
    let keys = keys.into_iter().map(|k| OfKey {
        id: k.id,
        name: k.name,
        points: k.points,
    });
    Ok(csv::by_key(&keys.chain(others).collect::<Vec<_>>()))
}

/// The key that was asked for. One of another account is not found, as one that never was.
pub(super) async fn chosen(own: &Own, wanted: &Wanted) -> Result<Option<KeyRecord>, PageError> {
    match &wanted.key {
        None => Ok(None),
        Some(id) => own.key(id).await.map(Some),
    }
}

/// The busiest keys with their points, or the one that was chosen.
async fn keys(
    own: &Own,
    span: Span,
    chosen: Option<&KeyRecord>,
    limit: u32,
) -> Result<Vec<Busy>, PageError> {
    let ids = match chosen {
        Some(key) => vec![key.id.clone()],
        None => {
            let busiest = own.busiest_keys(span, limit).await?;
            busiest.into_iter().map(|k| k.key_id).collect()
        }
    };
    let read = ids.into_iter().map(|id| async move {
        let points = own.series(span, Some(&id)).await?;
        let record = match own.key(&id).await {
            Ok(record) => Some(record),
            Err(PageError::NotFound) => None,
            Err(e) => return Err(e),
        };
        let record = record.as_ref();
        Ok(Busy {
            name: record.map_or_else(|| id.clone(), |r| r.name.clone()),
            label: record.map_or_else(|| id.clone(), label),
            id,
            points,
        })
    });
    stream::iter(read)
        .buffered(USAGE_KEY_READS)
        .try_collect()
        .await
}

fn rest(keys: &[Busy], account: &[UsagePoint]) -> Vec<UsagePoint> {
    totals::rest(account, keys.iter().map(|k| k.points.as_slice()))
}

fn lines(keys: &[Busy], account: &[UsagePoint]) -> Vec<KeyLine> {
    let mut lines: Vec<_> = keys
        .iter()
        .zip(KEY_CLASSES)
        .map(|(key, class)| KeyLine {
            id: Some(key.id.clone()),
            name: key.label.clone(),
            class,
            totals: Totals::of(&key.points),
        })
        .collect();
    let rest = Totals::of(&rest(keys, account));
    if rest.made() > 0 {
        lines.push(KeyLine {
            id: None,
            name: OTHER_KEYS.to_owned(),
            class: OTHER_CLASS,
            totals: rest,
        });
    }
    lines
}

/// Names of keys need not differ; the ends of their secrets tell them apart. No line breaks within such an end.
fn label(key: &KeyRecord) -> String {
    format!("{} …\u{2060}{}", key.name, key.last_four)
}

/// The newest keys and the one that is chosen, which may be an older one.
pub(super) fn choices(newest: &[KeyRecord], chosen: Option<&KeyRecord>) -> Vec<Choice> {
    let older = chosen.filter(|c| newest.iter().all(|k| k.id != c.id));
    let all = newest.iter().chain(older);
    all.map(|key| Choice {
        id: key.id.clone(),
        name: label(key),
    })
    .collect()
}
