// Ctrl+K, or ⌘K, leads to the field that searches the documentation. The search itself needs no script.
const fields = [...document.querySelectorAll('.docs-nav input[type="search"]')];

document.addEventListener('keydown', (event) => {
  if (event.key.toLowerCase() !== 'k' || event.altKey || event.shiftKey || event.ctrlKey === event.metaKey) return;
  const menu = document.querySelector('.docs-menu');
  // Where it is narrow the field is behind a word.
  if (menu?.checkVisibility()) menu.open = true;
  const field = fields.find((one) => one.checkVisibility());
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
});
