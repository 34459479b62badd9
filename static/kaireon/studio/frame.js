// What every page of Studio can do. Each part works on what it finds, also in fragments that htmx brings in later.

const root = document.documentElement
root.classList.add("scripted")

// --- colours: the choice is kept in a cookie, so that the server paints the next page right from the start

document.querySelector("[data-themes]")?.addEventListener("change", ({ target }) => {
  const year = target.value ? 365 * 24 * 3600 : 0
  document.cookie = `theme=${target.value}; path=/; max-age=${year}; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`
  if (target.value) root.dataset.theme = target.value
  else delete root.dataset.theme
  document.dispatchEvent(new CustomEvent("themechange"))
})

// --- dialogs: a link with data-dialog opens the question that its page asks, over this page

const dialog = document.getElementById("dialog")

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]")
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault()
    await ask(link.href)
  }
  if (event.target.closest("[data-dialog-close]") && dialog.open) {
    event.preventDefault()
    dialog.close()
  }
  if (event.target === dialog) dialog.close()
})

// A form with data-dialog asks by GET, with all of its fields in the address.
document.addEventListener("submit", async (event) => {
  const form = event.target
  if (!form.matches("form[data-dialog]")) return
  event.preventDefault()
  const fields = new FormData(form, event.submitter)
  await ask(`${form.getAttribute("action")}?${new URLSearchParams(fields)}`)
})

async function ask(url) {
  const response = await fetch(url, { headers: { Accept: "text/html" } })
  const page = new DOMParser().parseFromString(await response.text(), "text/html")
  const question = page.getElementById("question")
  if (!question) {
    location.assign(url)
    return
  }
  dialog.replaceChildren(document.importNode(question, true))
  dialog.showModal()
}

// --- menus: one open at a time; a click elsewhere or Escape closes it

document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false
  }
})

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return
  const menu = event.target.closest?.("details.menu[open]")
  if (!menu) return
  menu.open = false
  menu.querySelector("summary").focus()
})

// --- filters: the link that clears them shows itself when there is something to clear

document.addEventListener("htmx:afterSettle", () => {
  for (const form of document.querySelectorAll("[data-filters]")) {
    const isFiltered = [...form.elements].some((field) => field.name && field.type !== "hidden" && field.value)
    form.querySelector("[data-filters-clear]").hidden = !isFiltered
  }
})

// --- a fragment that did not come: said where it can be seen, never swallowed

function say(text) {
  const notice = document.createElement("p")
  notice.className = "notice notice--bad"
  notice.textContent = text
  document.getElementById("messages").replaceChildren(notice)
}

document.addEventListener("htmx:responseError", ({ detail }) => {
  const status = detail.xhr.status
  if (status === 403) say("Your role may not do this, or you were signed out. Load the page again.")
  else if (status >= 500) say("The server could not do this. Try again; if it stays, tell the operator.")
  else if (status === 404) say("That is not there any more. Load the page again.")
  else say("That was refused. Load the page again to see how things stand.")
})

document.addEventListener("htmx:sendError", () => say("The server can't be reached. Try again in a moment."))
