// The api's shapes by their short names. They are generated from its own document; the websocket sends the same ones.
import type { components } from './schema.d.ts'

type Schemas = components['schemas']

export type Aboard = Schemas['Aboard']
export type Alert = Schemas['Alert']
export type AlertEvent = Schemas['AlertEvent']
export type Classed = Schemas['Classed']
export type Me = Schemas['Me']
export type Problem = Schemas['Problem']
export type PublicShipment = Schemas['PublicShipment']
export type Series = Schemas['Series']
export type Settings = Schemas['Settings']
export type Share = Schemas['Share']
export type Shipment = Schemas['Shipment']
export type Site = Schemas['Site']
export type Stock = Schemas['Stock']
export type Stop = Schemas['Stop']
export type Temp = Schemas['Temp']
export type TrackPoint = Schemas['TrackPoint']
export type Trip = Schemas['Trip']
export type Vehicle = Schemas['Vehicle']
