// The colours of the map and the charts are the page's tokens, read from the page, so that they can't drift apart.

export const TOKENS = [
  'sea', 'land', 'surface', 'surface-3', 'line', 'line-strong', 'text', 'text-2', 'accent',
  'moving', 'stopped', 'late', 'alarm', 'stale', 'alarm-text', 'stopped-text',
] as const

export type Palette = Record<(typeof TOKENS)[number], string>

/** The tokens' colours as they are now, resolved for light or dark. */
export function palette(): Palette {
  const probe = document.createElement('span')
  probe.style.display = 'none'
  document.body.append(probe)
  const style = getComputedStyle(probe)
  const colours = Object.fromEntries(
    TOKENS.map((token) => {
      probe.style.color = `var(--${token})`
      return [token, style.color]
    }),
  ) as Palette
  probe.remove()
  return colours
}
