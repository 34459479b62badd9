"""POST /customers/{customerId}/erase."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kaireon.accounts.permissions import ADMIN_ONLY
from kaireon.core.rest import expect_no_body
from kaireon.core.rest.schema import ERROR
from kaireon.erasure.erasing import STEPS, Erasure, erase_customer

# A call comes back well before any proxy gives up on it; what is left is for the next one.
RUN_SECONDS = 10.0

ErasedCounts = type(
    "ErasedCounts",
    (serializers.Serializer,),
    {"__doc__": "Rows emptied or removed, by kind.", **{kind: serializers.IntegerField() for kind in STEPS}},
)


class ErasureBody(serializers.Serializer[Erasure]):
    """What a call has erased. Where it is not complete, call again."""

    customerId = serializers.CharField(source="customer_id")
    isComplete = serializers.BooleanField(source="is_complete")
    erased = ErasedCounts()


class CustomerErasure(APIView):
    """Takes a customer's personal data out of everything."""

    abilities = ADMIN_ONLY

    @extend_schema(
        operation_id="customers_erase",
        summary="Erase a customer's personal data",
        request=None,
        responses={200: ErasureBody, 400: ERROR, 503: ERROR},
    )
    def post(self, request: Request, customer_id: str) -> Response:
        """Can't be undone. Works for about ten seconds; where `isComplete` is false, call again."""
        expect_no_body(request)
        return Response(ErasureBody(erase_customer(customer_id, run_seconds=RUN_SECONDS)).data)
