// Lets a pointer and the arrow keys read the values of a chart, and names its hours in the reader's zone.

const SVG = 'http://www.w3.org/2000/svg';
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const HOUR_MS = 3_600_000;

const two = (n) => String(n).padStart(2, '0');
const clock = (t) => `${two(t.getHours())}:${two(t.getMinutes())}`;
const day = (t) => `${t.getDate()} ${MONTHS[t.getMonth()]}`;

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text ?? '';
  if (className) made.className = className;
  return made;
}

// The points of a chart are the rows of its table, which has the latest first.
function points(figure) {
  const names = [...figure.querySelectorAll('thead th')].slice(1).map((th) => th.textContent);
  const rows = [...figure.querySelectorAll('tbody tr')].reverse();
  return rows.map((row) => {
    const head = row.querySelector('th');
    const start = head.querySelector('time');
    const values = [...row.querySelectorAll('td')].map((td, at) => [names[at], td.textContent]);
    return {
      start: start && new Date(start.dateTime),
      name: head.querySelector('[data-start]')?.textContent ?? '',
      open: head.querySelector('.muted') !== null,
      values,
    };
  });
}

// An hour of UTC, as the reader's clocks show it.
function title(point) {
  if (!point.start) return point.name;
  const end = new Date(point.start.getTime() + HOUR_MS);
  return `${day(point.start)}, ${clock(point.start)}–${clock(end)}`;
}

// Labels of the hours in the reader's zone: a day's beginning has its date, and a week has nothing else.
function relabel(figure, all) {
  const group = figure.querySelector('.times');
  const y = group.querySelector('text')?.getAttribute('y');
  const every = all.length > 48 ? 24 : 3;
  const labels = all.flatMap(({ start }, at) => {
    const hour = start.getHours();
    if (hour % every !== 0) return [];
    const label = document.createElementNS(SVG, 'text');
    label.setAttribute('x', `${((at + 0.5) * 100) / all.length}%`);
    label.setAttribute('y', y);
    label.setAttribute('text-anchor', 'middle');
    label.textContent = hour === 0 ? day(start) : clock(start);
    const sparse = every === 24 ? start.getDate() % 2 : hour % 6;
    if (sparse) label.setAttribute('class', 'wide');
    return [label];
  });
  group.replaceChildren(...labels);
  const note = figure.querySelector('.chart-zone');
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (note && zone) note.textContent = `Times are in your zone, ${zone}.`;
}

function fill(tip, point, colours) {
  const list = document.createElement('dl');
  for (const [at, [name, value]] of point.values.entries()) {
    const term = element('dt', '');
    if (colours[at]) term.append(element('span', '', `swatch ${colours[at]}`));
    term.append(element('span', name, 'legend-name'));
    list.append(term, element('dd', value));
  }
  const head = element('strong', title(point));
  if (point.open) head.append(element('span', ' so far', 'muted'));
  tip.replaceChildren(head, list);
}

function follow(figure) {
  const plot = figure.querySelector('.chart-plot');
  const bars = [...figure.querySelectorAll('.bar')];
  const all = points(figure);
  if (!bars.length || bars.length !== all.length) return;
  const colours = [...figure.querySelectorAll('.legend .swatch')].map((s) => s.classList[1]);
  const tip = element('output', '', 'chart-tip');
  let now = -1;

  const show = (at) => {
    if (at === now) return;
    bars[now]?.classList.remove('at');
    now = at;
    tip.hidden = at < 0;
    if (at < 0) return;
    bars[at].classList.add('at');
    fill(tip, all[at], colours);
    // Beside the bar, at whichever side there is room for it, and never out of the chart.
    const slot = plot.clientWidth / all.length;
    const room = plot.clientWidth - tip.offsetWidth;
    const after = slot * (at + 1) + 8;
    const left = after <= room ? after : slot * at - 8 - tip.offsetWidth;
    tip.style.left = `${Math.max(0, Math.min(left, room))}px`;
  };
  const pointed = (event) => {
    const box = plot.getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / box.width) * all.length);
    show(Math.min(Math.max(at, 0), all.length - 1));
  };
  const keys = {
    ArrowLeft: () => Math.max(now - 1, 0),
    ArrowRight: () => Math.min(now + 1, all.length - 1),
    Home: () => 0,
    End: () => all.length - 1,
    Escape: () => -1,
  };

  // What the browser itself says of a bar would come a second time.
  for (const bar of bars) bar.querySelector('title')?.remove();
  tip.hidden = true;
  plot.append(tip);
  plot.tabIndex = 0;
  plot.setAttribute('role', 'group');
  plot.setAttribute('aria-label', 'Chart: the left and right arrow keys read its values');
  plot.addEventListener('pointermove', pointed);
  plot.addEventListener('pointerdown', pointed);
  plot.addEventListener('pointerleave', () => show(-1));
  plot.addEventListener('blur', () => show(-1));
  plot.addEventListener('keydown', (event) => {
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    show(now < 0 && event.key === 'ArrowLeft' ? all.length - 1 : keys[event.key]());
  });
  if (figure.dataset.chart === 'hour') relabel(figure, all);
}

for (const figure of document.querySelectorAll('figure.chart')) follow(figure);
