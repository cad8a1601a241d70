// Writes instants in the reader's time zone, which it names; UTC stays in the title.
const day = { day: 'numeric', month: 'short', year: 'numeric' };
const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' };
const instant = new Intl.DateTimeFormat('en-GB', { ...day, ...clock });
const whole = new Intl.DateTimeFormat('en-GB', day);

export function localise(root) {
  for (const element of root.querySelectorAll('time[data-time]')) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const isDay = element.dataset.time === 'day';
    // A day has its instant in the title, since a day of the reader's may be another one than UTC's.
    element.title = isDay
      ? `${instant.format(at).replace('Sept', 'Sep')} · ${element.dateTime}`
      : element.textContent.trim();
    element.textContent = (isDay ? whole : instant).format(at).replace('Sept', 'Sep');
    element.removeAttribute('data-time');
  }
}

localise(document);
