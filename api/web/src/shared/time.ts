// Instants, and where the browser is: what needs no word of any language.

/** An instant in ms; NaN of none. */
export const ms = (time: string | null | undefined): number => (time ? Date.parse(time) : NaN)

/** The browser's time zone, 'Europe/Helsinki'. */
export const browserZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone
