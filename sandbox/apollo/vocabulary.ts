export const firstNames = [
  'Irena',
  'Tomas',
  'Amelie',
  'Rafael',
  'Ingrid',
  'Kofi',
  'Mei',
  'Daniel',
  'Sofia',
  'Pavel',
  'Noor',
  'Liam',
  'Chiara',
  'Mateo',
  'Freya',
  'Hugo',
  'Priya',
  'Oskar',
  'Zoë',
  'José',
  'Hanna',
  'Viktor',
  'Leila',
  'Bram',
  'Yuki',
  'Emma',
  'Anders',
  'Lucía',
  'Marek',
  'Ada',
] as const

export const lastNames = [
  'Kovarna',
  'Lindqvist',
  'Okafor',
  'Brandt',
  'Moreau',
  'Silva',
  'Tanaka',
  'Novak',
  'Rossi',
  'García',
  'Petrov',
  'Haddad',
  'Jensen',
  'Visser',
  'Walsh',
  'Schmidt',
  'Kaya',
  'Nguyen',
  "O'Brien",
  'Dubois',
  'Keller',
  'Mensah',
  'Ferrari',
  'Bakker',
  'Larsen',
  'Horvat',
  'Sharma',
  'Cohen',
  'Müller',
  'Stone',
  'Park',
  'Santos',
  'Ivanov',
  'Reyes',
  'Wolf',
  'Adeyemi',
  'Yılmaz',
] as const

export type Place = readonly [city: string, state: string | null, country: string]

export const places: readonly Place[] = [
  ['Berlin', null, 'Germany'],
  ['Munich', null, 'Germany'],
  ['Hamburg', null, 'Germany'],
  ['Paris', null, 'France'],
  ['Lyon', null, 'France'],
  ['London', null, 'United Kingdom'],
  ['Manchester', null, 'United Kingdom'],
  ['Amsterdam', null, 'Netherlands'],
  ['Brno', null, 'Czechia'],
  ['Madrid', null, 'Spain'],
  ['Milan', null, 'Italy'],
  ['Stockholm', null, 'Sweden'],
  ['New York', 'New York', 'United States'],
  ['San Francisco', 'California', 'United States'],
  ['Los Angeles', 'California', 'United States'],
  ['Austin', 'Texas', 'United States'],
  ['Chicago', 'Illinois', 'United States'],
  ['Toronto', 'Ontario', 'Canada'],
]

export const companyWords = [
  'Northgate',
  'Harbour',
  'Bluestone',
  'Evergreen',
  'Summit',
  'Kestrel',
  'Lumen',
  'Atlas',
  'Meridian',
  'Cobalt',
  'Juniper',
  'Redwood',
  'Falcon',
  'Orchard',
  'Granite',
  'Willow',
] as const

/** What it does, as its name says it, and as its industry is called. */
export const industries = [
  ['Tiles', 'building materials'],
  ['Logistics', 'logistics & supply chain'],
  ['Software', 'computer software'],
  ['Foods', 'food production'],
  ['Textiles', 'textiles'],
  ['Energy', 'renewables & environment'],
  ['Robotics', 'industrial automation'],
  ['Clinics', 'hospital & health care'],
  ['Media', 'online media'],
  ['Capital', 'financial services'],
] as const

const departments = [
  'Marketing',
  'Sales',
  'Engineering',
  'Finance',
  'Operations',
  'Procurement',
  'Product',
  'Security',
  'Data',
  'Design',
] as const

export type Title = { title: string; seniority: string; department: string }

/** The ladder of each department (seniorities: upstreams/apollo.md, 2), and those that have none. */
export const titles: readonly Title[] = [
  ...departments.flatMap((name) => {
    const department = name.toLowerCase()
    const ladder = {
      c_suite: `Chief ${name} Officer`,
      vp: `VP of ${name}`,
      head: `Head of ${name}`,
      director: `${name} Director`,
      manager: `${name} Manager`,
      senior: `Senior ${name} Specialist`,
      entry: `${name} Specialist`,
      intern: `${name} Intern`,
    }
    return Object.entries(ladder).map(([seniority, title]) => ({ title, seniority, department }))
  }),
  { title: 'Founder', seniority: 'founder', department: 'management' },
  { title: 'Owner', seniority: 'owner', department: 'management' },
  { title: 'Managing Partner', seniority: 'partner', department: 'management' },
  { title: 'Chief Executive Officer', seniority: 'c_suite', department: 'management' },
]

export const emailStatuses = ['verified', 'unverified', 'likely to engage', 'unavailable'] as const
