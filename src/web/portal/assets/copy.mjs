// Shows the copy buttons and makes them copy what stands beside them.
const SHOWN_MS = 2000;

async function write(text, source) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return true;
  }
  // Plain HTTP has no clipboard of its own: what is selected can be copied by hand, and mostly by this.
  const range = document.createRange();
  range.selectNodeContents(source);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  return document.execCommand('copy');
}

export function enable(root) {
  for (const button of root.querySelectorAll('[data-copy]')) {
    const source = button.parentElement?.querySelector('[data-copy-from]');
    if (!source || !button.hidden) continue;
    button.hidden = false;
    const text = button.querySelector('[data-copy-text]');
    const name = button.getAttribute('aria-label');
    text.setAttribute('role', 'status');
    const say = (word) => {
      text.textContent = word;
      // The name begins with what is seen.
      button.setAttribute('aria-label', name.replace(/^Copy/, word));
    };
    button.addEventListener('click', async () => {
      let said = 'Select and copy it';
      try {
        if (await write(source.textContent, source)) said = 'Copied';
      } catch {
        // The browser does not allow it: the words say what to do.
      }
      say(said);
      setTimeout(() => say('Copy'), SHOWN_MS);
    });
  }
}

enable(document);
