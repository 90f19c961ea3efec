/// <reference types="vite/client" />

interface Window {
  /** For the browser tests: what the map has drawn. */
  __frostway?: { vehicles(): [id: string, lon: number, lat: number][] }
}

declare module '*?worker&url' {
  const url: string
  export default url
}
