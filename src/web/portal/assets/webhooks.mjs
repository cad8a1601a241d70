// Shows which event types a chosen pattern covers already, and how many are chosen.
function covers(pattern, box) {
  if (box.dataset.byName !== undefined || pattern === box.value || !pattern.endsWith('*')) return false;
  return box.value.startsWith(pattern.slice(0, -1));
}

for (const picker of document.querySelectorAll('[data-types]')) {
  const boxes = [...picker.querySelectorAll('input[type=checkbox]')];
  const own = new Map(boxes.map((box) => [box, box.checked]));
  const output = picker.querySelector('[data-types-count]');

  const update = () => {
    const chosen = boxes.filter((box) => own.get(box)).map((box) => box.value);
    for (const box of boxes) {
      const isCovered = chosen.some((pattern) => covers(pattern, box));
      box.disabled = isCovered;
      box.checked = isCovered || own.get(box);
    }
    const types = boxes.filter((box) => box.checked && !box.value.endsWith('*')).length;
    if (output) output.textContent = types === 1 ? '1 event type chosen' : `${types} event types chosen`;
  };

  picker.addEventListener('change', (event) => {
    if (own.has(event.target)) own.set(event.target, event.target.checked);
    update();
  });
  // Back in the history the browser puts boxes as they were, some of them covered and so not the reader's own.
  addEventListener('pageshow', update);
  update();
}
