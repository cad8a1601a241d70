//! Usage on its way into the target, an hour, a day or a month at a time; never other rows.

use super::rows::Copying;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::embedded::source::Source;
use crate::store::transfer::{
    self, CALLERS, KEY_TOTALS, REJECTIONS, ROUTES, Slice, Sums, TotalOf, USAGE,
};

/// Gives `$take` all pages of a list, each asked for after the last row of the one before.
macro_rules! pages {
    ($after:ident, $read:expr, $rows:ident, $take:expr) => {
        let mut last = None;
        loop {
            let $after = last.as_ref();
            let mut $rows = $read?;
            $take;
            last = $rows.pop();
            if last.is_none() {
                break;
            }
        }
    };
}

impl Copying<'_> {
    /// An hour or a day of usage: summed up first, since most did not change since they were copied.
    pub(super) async fn slice(&mut self, at: Slice) -> Result<(), StoreError> {
        let mut sums = Sums::default();
        sum(self.source, at, &mut sums)?;
        self.wanted.join(&sums);
        let is_there = self.target.has_slice(at, &sums).await?;
        if !is_there {
            self.write(at, &sums).await?;
        }
        self.note_all(
            &[USAGE, ROUTES, CALLERS, REJECTIONS, KEY_TOTALS],
            &sums,
            is_there,
        );
        Ok(())
    }

    /// What keys did in a month, likewise.
    pub(super) async fn key_month(&mut self, month: Timestamp) -> Result<(), StoreError> {
        let (source, target) = (self.source, self.target);
        let of = TotalOf::Month(month);
        let mut sums = Sums::default();
        pages!(after, source.key_totals(of, after), rows, {
            for row in &rows {
                sums.add(KEY_TOTALS, &transfer::key_total_line(of, row));
            }
        });
        self.wanted.join(&sums);
        let is_there = target.has_key_month(month, &sums).await?;
        if !is_there {
            target.note_key_month(month, None).await?;
            pages!(after, source.key_totals(of, after), rows, {
                target.copy_key_month(month, &rows).await?;
            });
            target.note_key_month(month, Some(&sums)).await?;
        }
        self.note_all(&[KEY_TOTALS], &sums, is_there);
        Ok(())
    }

    fn note_all(&mut self, kinds: &[&'static str], sums: &Sums, is_there: bool) {
        for kind in kinds {
            let rows = sums.of(kind).rows;
            let written = if is_there { 0 } else { rows };
            self.note(kind, usize::try_from(rows).unwrap_or(usize::MAX), written);
        }
    }

    async fn write(&self, at: Slice, sums: &Sums) -> Result<(), StoreError> {
        let source = self.source;
        let mut slice = self.target.begin_slice(at).await?;
        pages!(after, source.usage(at, after), rows, {
            slice.usage(&rows).await?;
        });
        pages!(after, source.routes(at, after), rows, {
            slice.routes(&rows).await?;
        });
        for route in source.called(at)? {
            pages!(after, source.callers(at, &route, after), rows, {
                slice.callers(&route, &rows).await?;
            });
        }
        pages!(after, source.codes(at, after), rows, {
            slice.codes(&rows).await?;
        });
        if let Some(day) = at.day() {
            let of = TotalOf::Day(day);
            pages!(after, source.key_totals(of, after), rows, {
                slice.key_totals(&rows).await?;
            });
        }
        slice.finish(sums).await
    }
}

fn sum(source: &Source, at: Slice, sums: &mut Sums) -> Result<(), StoreError> {
    pages!(after, source.usage(at, after), rows, {
        for row in &rows {
            sums.add(USAGE, &transfer::usage_line(at, row));
        }
    });
    pages!(after, source.routes(at, after), rows, {
        for row in &rows {
            sums.add(ROUTES, &transfer::route_line(at, row));
        }
    });
    for route in source.called(at)? {
        pages!(after, source.callers(at, &route, after), rows, {
            for row in &rows {
                sums.add(CALLERS, &transfer::caller_line(at, &route, row));
            }
        });
    }
    pages!(after, source.codes(at, after), rows, {
        for row in &rows {
            sums.add(REJECTIONS, &transfer::code_line(at, row));
        }
    });
    if let Some(day) = at.day() {
        let of = TotalOf::Day(day);
        pages!(after, source.key_totals(of, after), rows, {
            for row in &rows {
                sums.add(KEY_TOTALS, &transfer::key_total_line(of, row));
            }
        });
    }
    Ok(())
}
