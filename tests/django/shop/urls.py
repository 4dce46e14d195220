"""Every URL of the site."""

from django.contrib import admin
from django.urls import path

from shop import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("who", views.who),
    path("big", views.big),
    path("stream", views.stream),
    path("slow", views.slow),
    path("echo", views.echo),
    path("status", views.status),
    path("upload", views.upload),
]
