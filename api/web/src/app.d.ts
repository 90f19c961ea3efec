/// <reference types="vite/client" />
/// <reference types="@sveltejs/kit/types" />

declare namespace App {
  interface PageState {
    /** The address was written by the page itself: see shared/address.svelte.ts. */
    kept?: boolean
  }
}

interface Window {
  /** For the browser tests: what the map has drawn, and how. */
  __frostway?: { vehicles(): [id: string, lon: number, lat: number][]; zoom(): number; sees(id: string): boolean }
}

declare module '*?worker&url' {
  const url: string
  export default url
}
