// Names what the explorer's component leaves without a name, so that it can be used by keyboard and by ear.
const place = document.querySelector('#explorer');

function rowName(control) {
  const row = control.closest('tr');
  return row?.dataset.paramName ?? row?.querySelector('.parameter__name')?.firstChild?.textContent?.trim();
}

function nameOf(control) {
  if (control.matches('.body-param__text')) return 'Body as JSON';
  if (control.matches('.content-type, .content-type-wrapper select')) return 'Media type';
  if (control.matches('.examples-select-element')) return 'Example';
  return rowName(control) ?? 'Value';
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function fix() {
  for (const control of place.querySelectorAll('select, textarea, input')) {
    if (!control.labels?.length) set(control, 'aria-label', nameOf(control));
  }
  for (const block of place.querySelectorAll('pre')) {
    set(block, 'tabindex', '0');
  }
  for (const button of place.querySelectorAll('.copy-to-clipboard button')) {
    set(button, 'aria-label', 'Copy');
  }
  // A heading of the component's would be a second title of the page.
  for (const title of place.querySelectorAll('h1')) {
    set(title, 'role', 'presentation');
  }
  // The page has its main part already.
  for (const part of place.querySelectorAll('main')) {
    set(part, 'role', 'presentation');
  }
  for (const region of place.querySelectorAll('.table-container, .responses-inner')) {
    if (region.scrollWidth > region.clientWidth) set(region, 'tabindex', '0');
  }
}

if (place) {
  new MutationObserver(fix).observe(place, { childList: true, subtree: true });
  fix();
}
