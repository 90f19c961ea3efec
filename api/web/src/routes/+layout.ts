// The pages are files: what they show is asked for by the browser, so nothing is rendered when they are built.
export const ssr = false
export const prerender = false
