// Remembers in which language samples are read, and shows all of a page in it.
const KEPT = 'portal-language';

const groups = [...document.querySelectorAll('[data-samples]')];

function show(language) {
  for (const group of groups) {
    const tab = group.querySelector(`input[data-language="${CSS.escape(language)}"]`);
    if (tab) tab.checked = true;
  }
}

try {
  const language = localStorage.getItem(KEPT);
  if (language) show(language);
} catch {
  // Where nothing may be kept, the first language is shown.
}

for (const group of groups) {
  group.addEventListener('change', (event) => {
    const { language } = event.target.dataset;
    if (!language) return;
    show(language);
    try {
      localStorage.setItem(KEPT, language);
    } catch {
      // It holds for this page.
    }
  });
}
