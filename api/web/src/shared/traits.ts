// What vehicles are told to be, by which a list is filtered and put in groups.
import type { Vehicle } from '#shared/api/shapes.ts'

export const TRAITS = ['fleet', 'model', 'driver', 'fuel_type', 'tag'] as const
export type Trait = (typeof TRAITS)[number]
export type Wanted = Partial<Record<Trait, string>>

export const isTrait = (text: string | null): text is Trait => TRAITS.some((each) => each === text)

/** What a vehicle is told: by key, with the word that people read. */
export function told(vehicle: Vehicle, trait: Trait): readonly (readonly [string, string])[] {
  if (trait === 'tag') return vehicle.tags.map((tag) => [tag, tag])
  if (trait === 'driver') return vehicle.driver ? [[vehicle.driver.id, vehicle.driver.label]] : []
  const value = vehicle[trait]
  return value === null ? [] : [[value, value]]
}

export const fits = (vehicle: Vehicle, wanted: Wanted): boolean =>
  TRAITS.every((trait) => !wanted[trait] || told(vehicle, trait).some(([key]) => key === wanted[trait]))

/** The one group of a vehicle: all its tags together; empty when nobody has told. */
export const groupOf = (vehicle: Vehicle, by: Trait): string => told(vehicle, by).map(([, word]) => word).sort().join(', ')

/** What is told of any of them, by word. */
export function choices(vehicles: Iterable<Vehicle>, trait: Trait): [string, string][] {
  const found = new Map<string, string>()
  for (const vehicle of vehicles) for (const [key, word] of told(vehicle, trait)) found.set(key, word)
  return [...found].sort(([, a], [, b]) => a.localeCompare(b))
}
