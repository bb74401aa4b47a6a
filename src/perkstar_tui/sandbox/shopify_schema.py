"""What of Shopify's Admin API is played, in GraphQL's own language; names and types as Shopify has them."""

SCHEMA = """
scalar DateTime
scalar URL
scalar UnsignedInt64
scalar Decimal

enum CustomerSortKeys { CREATED_AT ID LOCATION NAME RELEVANCE UPDATED_AT }
enum OrderSortKeys { CREATED_AT ID PROCESSED_AT UPDATED_AT }
enum CustomerEmailAddressMarketingState { INVALID NOT_SUBSCRIBED PENDING SUBSCRIBED UNSUBSCRIBED }
enum CustomerEmailMarketingState { INVALID NOT_SUBSCRIBED PENDING REDACTED SUBSCRIBED UNSUBSCRIBED }
enum CustomerSmsMarketingState { NOT_SUBSCRIBED PENDING REDACTED SUBSCRIBED UNSUBSCRIBED }
enum CustomerMarketingOptInLevel { CONFIRMED_OPT_IN SINGLE_OPT_IN UNKNOWN }
enum MetafieldOwnerType { CUSTOMER ORDER PRODUCT SHOP }
enum OrderDisplayFinancialStatus {
  AUTHORIZED EXPIRED PAID PARTIALLY_PAID PARTIALLY_REFUNDED PENDING REFUNDED VOIDED
}
enum CurrencyCode { EUR GBP USD }
enum CountryCode { DE FR GB IE US }
enum CountPrecision { EXACT AT_LEAST }
enum BulkOperationStatus { CANCELED CANCELING COMPLETED CREATED EXPIRED FAILED RUNNING }
enum BulkOperationType { QUERY MUTATION }
enum BulkOperationErrorCode { ACCESS_DENIED INTERNAL_SERVER_ERROR TIMEOUT }
enum BulkOperationUserErrorCode { OPERATION_IN_PROGRESS INVALID LIMIT_REACHED }
enum WebhookSubscriptionFormat { JSON XML }
enum WebhookSubscriptionTopic {
  APP_UNINSTALLED CUSTOMERS_CREATE CUSTOMERS_DELETE CUSTOMERS_MERGE CUSTOMERS_UPDATE ORDERS_CANCELLED ORDERS_CREATE
  ORDERS_DELETE ORDERS_PAID ORDERS_UPDATED REFUNDS_CREATE
}

interface Node { id: ID! }

type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! endCursor: String startCursor: String }
type MoneyV2 { amount: Decimal! currencyCode: CurrencyCode! }
type MoneyBag { shopMoney: MoneyV2! presentmentMoney: MoneyV2! }
type UserError { field: [String!] message: String! }

type Shop implements Node {
  id: ID! name: String! email: String! myshopifyDomain: String! currencyCode: CurrencyCode! ianaTimezone: String!
  billingAddress: ShopAddress!
}
type ShopAddress { countryCodeV2: CountryCode city: String }

type CustomerEmailAddress {
  emailAddress: String! marketingState: CustomerEmailAddressMarketingState!
  marketingOptInLevel: CustomerMarketingOptInLevel marketingUpdatedAt: DateTime validFormat: Boolean!
}
type CustomerPhoneNumber { phoneNumber: String! marketingState: CustomerSmsMarketingState! }
type MailingAddress implements Node {
  id: ID! address1: String address2: String city: String company: String country: String countryCodeV2: CountryCode
  firstName: String lastName: String phone: String province: String zip: String
}
type MetafieldDefinitionType { name: String! category: String! }
type MetafieldDefinition implements Node {
  id: ID! key: String! name: String! namespace: String! ownerType: MetafieldOwnerType! type: MetafieldDefinitionType!
  description: String
}
type MetafieldDefinitionConnection { nodes: [MetafieldDefinition!]! pageInfo: PageInfo! }
type Metafield implements Node {
  id: ID! key: String! namespace: String! type: String! value: String! updatedAt: DateTime!
}
type MetafieldEdge { cursor: String! node: Metafield! }
type MetafieldConnection { edges: [MetafieldEdge!]! nodes: [Metafield!]! pageInfo: PageInfo! }

type Customer implements Node {
  id: ID! legacyResourceId: UnsignedInt64! firstName: String lastName: String displayName: String!
  email: String @deprecated(reason: "Use defaultEmailAddress.")
  phone: String @deprecated(reason: "Use defaultPhoneNumber.")
  defaultEmailAddress: CustomerEmailAddress defaultPhoneNumber: CustomerPhoneNumber defaultAddress: MailingAddress
  createdAt: DateTime! updatedAt: DateTime! note: String tags: [String!]! locale: String!
  numberOfOrders: UnsignedInt64!
  metafield(namespace: String, key: String!): Metafield
  metafields(namespace: String, keys: [String!], first: Int, after: String): MetafieldConnection!
}
type CustomerEdge { cursor: String! node: Customer! }
type CustomerConnection { edges: [CustomerEdge!]! nodes: [Customer!]! pageInfo: PageInfo! }

type LineItem implements Node {
  id: ID! name: String! title: String! quantity: Int! originalTotalSet: MoneyBag! discountedTotalSet: MoneyBag!
  sku: String
}
type LineItemEdge { cursor: String! node: LineItem! }
type LineItemConnection { edges: [LineItemEdge!]! nodes: [LineItem!]! pageInfo: PageInfo! }
type Refund implements Node {
  id: ID! legacyResourceId: UnsignedInt64! createdAt: DateTime note: String totalRefundedSet: MoneyBag!
}
type Order implements Node {
  id: ID! legacyResourceId: UnsignedInt64! name: String! email: String phone: String customer: Customer
  createdAt: DateTime! processedAt: DateTime! updatedAt: DateTime! cancelledAt: DateTime test: Boolean!
  currencyCode: CurrencyCode! displayFinancialStatus: OrderDisplayFinancialStatus
  totalPriceSet: MoneyBag! currentTotalPriceSet: MoneyBag! totalTaxSet: MoneyBag totalShippingPriceSet: MoneyBag!
  totalTipReceivedSet: MoneyBag! totalDiscountsSet: MoneyBag totalRefundedSet: MoneyBag!
  lineItems(first: Int, after: String): LineItemConnection!
  refunds(first: Int): [Refund!]!
}
type OrderEdge { cursor: String! node: Order! }
type OrderConnection { edges: [OrderEdge!]! nodes: [Order!]! pageInfo: PageInfo! }

type Count { count: Int! precision: CountPrecision! }
type BulkOperation implements Node {
  id: ID! status: BulkOperationStatus! type: BulkOperationType! query: String! createdAt: DateTime!
  completedAt: DateTime errorCode: BulkOperationErrorCode fileSize: UnsignedInt64 objectCount: UnsignedInt64!
  rootObjectCount: UnsignedInt64! url: URL partialDataUrl: URL
}
type BulkOperationUserError { code: BulkOperationUserErrorCode field: [String!] message: String! }

type WebhookSubscription implements Node {
  id: ID! topic: WebhookSubscriptionTopic! uri: String! format: WebhookSubscriptionFormat! createdAt: DateTime!
}
type WebhookSubscriptionConnection { nodes: [WebhookSubscription!]! pageInfo: PageInfo! }

input CustomerIdentifierInput { id: ID emailAddress: String phoneNumber: String }
input CustomerSetIdentifiers { id: ID email: String phone: String }
input CustomerEmailMarketingConsentInput {
  marketingOptInLevel: CustomerMarketingOptInLevel marketingState: CustomerEmailMarketingState!
  consentUpdatedAt: DateTime
}
input CustomerEmailMarketingConsentUpdateInput {
  customerId: ID! emailMarketingConsent: CustomerEmailMarketingConsentInput!
}
input MailingAddressInput {
  address1: String address2: String city: String company: String countryCode: CountryCode firstName: String
  lastName: String phone: String provinceCode: String zip: String
}
input MetafieldInput { id: ID namespace: String key: String value: String type: String }
input MetafieldsSetInput { ownerId: ID! namespace: String key: String! value: String! type: String }
input CustomerInput {
  id: ID firstName: String lastName: String email: String phone: String note: String locale: String tags: [String!]
  addresses: [MailingAddressInput!] metafields: [MetafieldInput!]
  emailMarketingConsent: CustomerEmailMarketingConsentInput taxExempt: Boolean
}
input CustomerSetInput {
  id: ID firstName: String lastName: String email: String phone: String note: String locale: String tags: [String!]
  addresses: [MailingAddressInput!] taxExempt: Boolean
}
input CustomerDeleteInput { id: ID! }
input MetafieldDefinitionInput {
  namespace: String key: String! name: String! description: String ownerType: MetafieldOwnerType! type: String!
  pin: Boolean = false
}
input WebhookSubscriptionInput {
  uri: String callbackUrl: URL format: WebhookSubscriptionFormat includeFields: [String!] filter: String
}

type CustomerPayload { customer: Customer userErrors: [UserError!]! }
type CustomerDeletePayload { deletedCustomerId: ID shop: Shop! userErrors: [UserError!]! }
type CustomerMergePayload { resultingCustomerId: ID userErrors: [UserError!]! }
type MetafieldsSetPayload { metafields: [Metafield!] userErrors: [UserError!]! }
type MetafieldDefinitionCreatePayload { createdDefinition: MetafieldDefinition userErrors: [UserError!]! }
type BulkOperationRunQueryPayload { bulkOperation: BulkOperation userErrors: [BulkOperationUserError!]! }
type BulkOperationCancelPayload { bulkOperation: BulkOperation userErrors: [UserError!]! }
type WebhookSubscriptionCreatePayload { webhookSubscription: WebhookSubscription userErrors: [UserError!]! }
type WebhookSubscriptionDeletePayload { deletedWebhookSubscriptionId: ID userErrors: [UserError!]! }

type Query {
  shop: Shop!
  customer(id: ID!): Customer
  customerByIdentifier(identifier: CustomerIdentifierInput!): Customer
  customers(
    first: Int, after: String, last: Int, before: String, reverse: Boolean = false, sortKey: CustomerSortKeys = ID
    query: String
  ): CustomerConnection!
  customersCount(query: String, limit: Int = 10000): Count
  ordersCount(query: String, limit: Int = 10000): Count
  bulkOperation(id: ID!): BulkOperation
  currentBulkOperation(type: BulkOperationType = QUERY): BulkOperation @deprecated
  order(id: ID!): Order
  orders(
    first: Int, after: String, last: Int, before: String, reverse: Boolean = false
    sortKey: OrderSortKeys = PROCESSED_AT query: String
  ): OrderConnection!
  nodes(ids: [ID!]!): [Node]!
  metafieldDefinitions(
    ownerType: MetafieldOwnerType!, namespace: String, key: String, first: Int, after: String
  ): MetafieldDefinitionConnection!
  webhookSubscriptions(first: Int, after: String): WebhookSubscriptionConnection!
}

type Mutation {
  customerCreate(input: CustomerInput!): CustomerPayload
  customerUpdate(input: CustomerInput!): CustomerPayload
  customerSet(input: CustomerSetInput!, identifier: CustomerSetIdentifiers): CustomerPayload
  customerDelete(input: CustomerDeleteInput!): CustomerDeletePayload
  customerMerge(customerOneId: ID!, customerTwoId: ID!): CustomerMergePayload
  customerEmailMarketingConsentUpdate(input: CustomerEmailMarketingConsentUpdateInput!): CustomerPayload
  metafieldsSet(metafields: [MetafieldsSetInput!]!): MetafieldsSetPayload
  metafieldDefinitionCreate(definition: MetafieldDefinitionInput!): MetafieldDefinitionCreatePayload
  webhookSubscriptionCreate(
    topic: WebhookSubscriptionTopic!, webhookSubscription: WebhookSubscriptionInput!
  ): WebhookSubscriptionCreatePayload
  bulkOperationRunQuery(query: String!, groupObjects: Boolean! = false): BulkOperationRunQueryPayload
  bulkOperationCancel(id: ID!): BulkOperationCancelPayload
  webhookSubscriptionDelete(id: ID!): WebhookSubscriptionDeletePayload
}
"""
"""The part of the schema of version 2026-04 that the sandbox answers."""
