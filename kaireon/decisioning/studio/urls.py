"""Where the pages of channels, decision flows and offers are, below /studio/."""

from django.urls import URLPattern, path

from kaireon.decisioning.studio import channels

urlpatterns: list[URLPattern] = [
    path("channels", channels.ChannelList.as_view(), name="studio-channels"),
    path("channels/new", channels.NewChannel.as_view(), name="studio-channel-new"),
    path("channels/<str:channel_id>", channels.ChannelPage.as_view(), name="studio-channel"),
    path("channels/<str:channel_id>/edit", channels.EditChannel.as_view(), name="studio-channel-edit"),
    path("channels/<str:channel_id>/status", channels.ChannelStatusSwitch.as_view(), name="studio-channel-status"),
    path("channels/<str:channel_id>/delete", channels.DeleteChannel.as_view(), name="studio-channel-delete"),
]
