/* Owns: which colours are worn, before anything is drawn.
   A classic script: a module would come after the first paint. */
"use strict";
(() => {
  const KEY = "ticktrail-theme";
  const CHOICES = ["system", "light", "dark"];

  const chosen = () => {
    try {
      const kept = window.localStorage.getItem(KEY);
      return CHOICES.includes(kept) ? kept : "system";
    } catch (refused) {
      console.info("The browser keeps nothing for this page:", refused.name);
      return "system";
    }
  };

  const wear = (choice) => {
    if (choice === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    }
    document.dispatchEvent(new CustomEvent("theme"));
  };

  wear(chosen());
  document.addEventListener("DOMContentLoaded", () => {
    wear(chosen());
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.addEventListener("click", () => {
        try {
          window.localStorage.setItem(KEY, button.dataset.themeChoice);
        } catch (refused) {
          console.info("The choice lasts for this page only:", refused.name);
        }
        wear(button.dataset.themeChoice);
      });
    }
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    document.dispatchEvent(new CustomEvent("theme"));
  });
})();
