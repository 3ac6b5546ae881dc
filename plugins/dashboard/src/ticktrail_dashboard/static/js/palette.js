// Owns: the style sheet's colours for what is drawn on a canvas, which knows no custom properties.

const probe = document.createElement("span");
probe.hidden = true;

/** The colours as they are worn now, by the names of their custom properties. */
export function palette(...names) {
  if (!probe.isConnected) document.body.append(probe);
  const colours = {};
  for (const name of names) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  return colours;
}

export const FONT = '12px Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
