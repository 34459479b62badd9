// The chart of a trigger: stacked bars, painted with the colours of the legend, which follow light and dark.

const { Chart } = window
let chart = null

function draw() {
  const canvas = document.querySelector("canvas[data-chart]")
  if (chart && chart.canvas !== canvas) {
    chart.destroy()
    chart = null
  }
  if (!canvas || chart) return
  const { labels, series } = JSON.parse(document.getElementById(canvas.dataset.chart).textContent)
  chart = new Chart(canvas, {
    type: "bar",
    data: {
      labels,
      datasets: series.map(({ name, label, values }) => ({ name, label, data: values, maxBarThickness: 28, ...colours(name) })),
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: { legend: { display: false }, colors: { enabled: false }, tooltip: { filter: ({ raw }) => raw > 0 } },
      scales: {
        x: { stacked: true, grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 16 } },
        y: { stacked: true, beginAtZero: true, border: { display: false }, ticks: { precision: 0, maxTicksLimit: 6 } },
      },
    },
  })
  choose()
  paint()
}

// A token's colour as the browser has worked it out for the colours that hold now.
function colour(selector, property = "color") {
  return getComputedStyle(document.querySelector(selector))[property]
}

function colours(name) {
  const backgroundColor = colour(`.legend__swatch--${name}`)
  return { backgroundColor, hoverBackgroundColor: backgroundColor }
}

function paint() {
  if (!chart) return
  for (const dataset of chart.data.datasets) Object.assign(dataset, colours(dataset.name))
  const text = colour(".legend__item .subtle")
  const panel = document.querySelector(".panel")
  const { x, y } = chart.options.scales
  x.ticks.color = text
  y.ticks.color = text
  y.grid = { color: getComputedStyle(panel).borderTopColor }
  const tooltip = chart.options.plugins.tooltip
  tooltip.backgroundColor = colour("body")
  for (const part of ["titleColor", "bodyColor"]) tooltip[part] = colour(".panel", "backgroundColor")
  tooltip.multiKeyBackground = "transparent"
  chart.update("none")
}

function choose() {
  const chosen = new Set([...document.querySelectorAll("[data-legend] :checked")].map(({ value }) => value))
  chart.data.datasets.forEach(({ name }, index) => chart.setDatasetVisibility(index, chosen.has(name)))
}

document.addEventListener("change", ({ target }) => {
  if (!chart || !target.closest("[data-legend]")) return
  choose()
  chart.update("none")
})

document.addEventListener("themechange", paint)
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint)
document.addEventListener("htmx:afterSettle", draw)
draw()
