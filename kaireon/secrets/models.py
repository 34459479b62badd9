"""What is stored of secrets: ciphertexts alone."""

from django.db import models


class Secret(models.Model):
    """A named secret that templates refer to as `{{secret.<name>}}`. Write it by `vault`, never by this model."""

    name = models.CharField(primary_key=True, max_length=64)
    ciphertext = models.BinaryField()
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class SigningSecret(models.Model):
    """One of the secrets that outgoing webhooks are signed with; the highest number is the current one.

    The number is the key so that of two that make the next one at once, one fails.
    """

    number = models.PositiveIntegerField(primary_key=True)
    ciphertext = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        ordering = ("-number",)

    def __str__(self) -> str:
        return f"signing secret {self.number}"
