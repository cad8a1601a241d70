// Chooses many scopes at once, and says how many are chosen.
for (const picker of document.querySelectorAll('[data-scopes]')) {
  const boxes = [...picker.querySelectorAll('input[name="scope"]')];
  const tools = picker.querySelector('[data-scope-tools]');
  const count = picker.querySelector('[data-scope-count]');
  const wanted = {
    read: (box) => box.value.endsWith(':read'),
    all: () => true,
    none: () => false,
  };
  const show = () => {
    count.textContent = `${boxes.filter((box) => box.checked).length} of ${boxes.length} chosen`;
  };
  for (const button of tools.querySelectorAll('[data-choose]')) {
    button.addEventListener('click', () => {
      for (const box of boxes) box.checked = wanted[button.dataset.choose](box);
      show();
    });
  }
  picker.addEventListener('change', show);
  tools.hidden = false;
  show();
}
