// Making elements.

/** An element with attributes (`false` and null leave one out, functions listen) and children. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value)
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : value)
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

/** An icon that the template of the component brought along. */
export function icon(name) {
  const template = document.querySelector(`template[data-icon="${name}"]`)
  return template ? template.content.cloneNode(true) : ""
}

export function button(label, attributes, iconName = null) {
  return el("button", { type: "button", ...attributes }, iconName && icon(iconName), label)
}

/** A button that shows an icon alone; `label` is read out and shown on hover. */
export const iconButton = (label, iconName, attributes) =>
  el("button", { type: "button", "aria-label": label, title: label, ...attributes }, icon(iconName))

let lastNumber = 0
export const newElementId = (name) => `builder-${name}-${(lastNumber += 1)}`
