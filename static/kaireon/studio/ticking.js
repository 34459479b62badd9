// Ticking rows of a list, for what is done to many: the bar says how many, and the heading's box ticks the whole page.
// A row that htmx brings anew keeps its tick.

const ticked = new Set()

const boxes = () => [...document.querySelectorAll("[data-tick]")]

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-tick-all]")) {
    for (const box of boxes()) note(box, target.checked)
    show()
  } else if (target.matches("[data-tick]")) {
    note(target, target.checked)
    show()
  } else if (target.closest("[data-ticked-all]")) {
    show()
  }
})

document.addEventListener("htmx:afterSettle", () => {
  const there = boxes()
  for (const box of there) box.checked = ticked.has(box.value)
  // What is not on the page any more can't be seen to be ticked.
  const values = new Set(there.map((box) => box.value))
  for (const value of ticked) if (!values.has(value)) ticked.delete(value)
  show()
})

function note(box, isTicked) {
  box.checked = isTicked
  if (isTicked) ticked.add(box.value)
  else ticked.delete(box.value)
}

function show() {
  const bar = document.querySelector("[data-ticked]")
  if (!bar) return
  const there = boxes()
  const number = there.filter((box) => box.checked).length
  const isWhole = number > 0 && number === there.length
  const heading = document.querySelector("[data-tick-all]")
  heading.checked = isWhole
  heading.indeterminate = number > 0 && !isWhole
  const choice = bar.querySelector("[data-ticked-all]")
  if (choice) {
    choice.hidden = !isWhole
    if (!isWhole) choice.querySelector("input").checked = false
  }
  const isAll = choice?.querySelector("input").checked
  bar.querySelector("[data-ticked-number]").textContent = isAll ? "" : `${number} ticked`
  bar.hidden = number === 0
}

// Boxes that the browser has kept ticked over a reload.
for (const box of boxes()) if (box.checked) ticked.add(box.value)
show()
