// Writes instants in the reader's time zone; UTC stays in the title.
const day = { day: 'numeric', month: 'short', year: 'numeric' };
const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const format = new Intl.DateTimeFormat('en-GB', { ...day, ...clock });

export function localise(root) {
  for (const element of root.querySelectorAll('time[data-time]')) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    element.title = element.textContent.trim();
    element.textContent = format.format(at).replace('Sept', 'Sep');
    element.removeAttribute('data-time');
  }
}

localise(document);
