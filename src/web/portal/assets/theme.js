// The reader's choice of colours: the system's, light, or dark. It runs before the page is drawn.
'use strict';
{
  const root = document.documentElement;
  const kept = 'portal-theme';
  const names = { system: 'Theme: system', light: 'Theme: light', dark: 'Theme: dark' };
  const order = ['system', 'light', 'dark'];
  let theme = 'system';
  try {
    theme = localStorage.getItem(kept) ?? 'system';
  } catch {
    // Where nothing may be kept, the system's colours stay.
  }
  if (!order.includes(theme)) theme = 'system';
  const apply = () => {
    if (theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = theme;
  };
  apply();
  document.addEventListener('DOMContentLoaded', () => {
    const buttons = document.querySelectorAll('[data-theme-button]');
    const show = () => {
      for (const button of buttons) button.querySelector('[data-theme-text]').textContent = names[theme];
    };
    for (const button of buttons) {
      button.hidden = false;
      button.addEventListener('click', () => {
        theme = order[(order.indexOf(theme) + 1) % order.length];
        apply();
        show();
        try {
          localStorage.setItem(kept, theme);
        } catch {
          // It lasts as long as the page then.
        }
      });
    }
    show();
  });
}
