"""Alerts (I6): conditions are computed from the store, equal ones fold into one alert, routes tell of them."""
