"""Who is played, and where each vendor's class lies. A class is loaded when its vendor plays."""

from importlib import import_module

from .vendor import Vendor

VENDORS: dict[str, str] = {
    "perkstar": "perkstar:Perkstar",
    "hubspot": "hubspot:HubSpot",
    "mailchimp": "mailchimp:Mailchimp",
    "square": "square:Square",
    "pipedrive": "pipedrive:Pipedrive",
    "klaviyo": "klaviyo:Klaviyo",
    "lightspeed": "lightspeed:Lightspeed",
    "zoho-crm": "zoho:Zoho",
    "salesforce": "salesforce:Salesforce",
    "constant-contact": "constant_contact:ConstantContact",
    "woocommerce": "woocommerce:WooCommerce",
    "bigcommerce": "bigcommerce:BigCommerce",
    "clover": "clover:Clover",
    "xero": "xero:Xero",
    "quickbooks": "quickbooks:QuickBooks",
    "freshbooks": "freshbooks:FreshBooks",
    "magento": "magento:Magento",
    "mindbody": "mindbody:Mindbody",
    "shopify": "shopify:Shopify",
    "sendgrid": "sendgrid:SendGrid",
    "toast": "toast:Toast",
    "google-analytics": "google_analytics:GoogleAnalytics",
    "power-bi": "power_bi:PowerBi",
    "vagaro": "vagaro:Vagaro",
    "tableau": "tableau:Tableau",
}
"""By name, the module beside this one and the class in it."""

PLAYED = tuple(name for name in VENDORS if name != "perkstar")


def vendor_class(name: str) -> type[Vendor]:
    """The class of a vendor; raises `KeyError` for one that isn't played."""
    module, _, cls = VENDORS[name].partition(":")
    found: type[Vendor] = getattr(import_module(f".{module}", __package__), cls)
    return found
