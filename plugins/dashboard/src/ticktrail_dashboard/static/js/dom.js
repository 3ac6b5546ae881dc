// Owns: making and changing elements. Text goes in as text: nothing here reads HTML.

/** Makes an element; attributes by name, `data` for its data set, children as nodes or text. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "data") Object.assign(node.dataset, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export const byId = (id) => document.getElementById(id);

/** Sets the text of an element, if it is another. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute, if it is another; null takes it away. */
export function put(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** A shape for a tone: a state is never told by its colour alone. */
export const mark = (tone) => el("span", { class: "mark", "aria-hidden": "true", data: { tone } });

/**
 * Makes the children of `parent` those of `items`, in their order: what is there already is kept, and told what is new.
 * `key(item)` is a text of its own; `make(item)` gives an element, `change(element, item)` fits it.
 */
export function reconcile(parent, items, key, make, change) {
  const before = new Map();
  for (const child of parent.children) before.set(child.dataset.key, child);
  let next = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let child = before.get(name);
    if (child) before.delete(name);
    else {
      child = make(item);
      child.dataset.key = name;
    }
    change(child, item);
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  for (const child of before.values()) child.remove();
}
