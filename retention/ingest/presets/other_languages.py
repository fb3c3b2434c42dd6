"""The names of an order file's columns in languages besides English and Chinese, as shops write them by themselves.

German, French, Spanish, Italian, Dutch, Polish, Japanese, Korean. Systems have presets of their own; a name that means
different things in them (Référence, Total, Datum) is left out.
"""

from retention.ingest.presets.preset import Names

_NAMES: Names = {
    "order_id": (
        "Bestellnummer", "Bestell-Nr.", "Auftragsnummer", "N° de commande", "Numéro de commande", "Número de pedido",
        "Nº de pedido", "Numero ordine", "Bestelnummer", "Ordernummer", "Numer zamówienia", "注文番号", "주문번호",
    ),
    "buyer_id": (
        "Kundennummer", "Kunden-Nr.", "N° client", "Numéro client", "Número de cliente", "Numero cliente",
        "Klantnummer", "Numer klienta", "顧客番号", "会員番号", "顧客ID", "구매자ID", "고객번호", "회원번호",
    ),
    "placed_at": (
        "Bestelldatum", "Auftragsdatum", "Date de commande", "Date de la commande", "Fecha de pedido",
        "Fecha del pedido", "Data ordine", "Data dell'ordine", "Besteldatum", "Orderdatum", "Data zamówienia",
        "注文日", "注文日時", "주문일", "주문일시", "주문일자",
    ),
    "paid_at": (
        "Zahlungsdatum", "Bezahldatum", "Date de paiement", "Fecha de pago", "Data pagamento", "Betaaldatum",
        "Data płatności", "入金日", "決済日", "결제일", "결제일시",
    ),
    "status": (
        "Bestellstatus", "Statut de la commande", "Estado del pedido", "Stato ordine", "Bestelstatus",
        "Status zamówienia", "注文状況", "주문상태",
    ),
    "sku": ("Artikelnummer", "Artikel-Nr.", "Codice articolo", "Kod produktu", "商品番号", "상품번호", "상품코드"),
    "title": (
        "Artikelbezeichnung", "Produktname", "Nom du produit", "Nombre del producto", "Nome prodotto", "Productnaam",
        "Nazwa produktu", "商品名", "상품명",
    ),
    "quantity": ("Menge", "Anzahl", "Quantité", "Cantidad", "Quantità", "Aantal", "Ilość", "数量", "個数", "수량"),
    "unit_price": (
        "Einzelpreis", "Stückpreis", "Prix unitaire", "Precio unitario", "Prezzo unitario", "Stukprijs",
        "Cena jednostkowa", "単価", "단가",
    ),
    "order_total": (
        "Gesamtbetrag", "Gesamtsumme", "Bestellsumme", "Montant total", "Total de la commande", "Importe total",
        "Total del pedido", "Totale ordine", "Importo totale", "Totaalbedrag", "Kwota zamówienia", "Wartość zamówienia",
        "合計金額", "注文金額", "주문금액", "결제금액", "총결제금액",
    ),
    "postage": (
        "Versandkosten", "Frais de port", "Frais de livraison", "Gastos de envío", "Spese di spedizione",
        "Verzendkosten", "Koszt dostawy", "送料", "배송비",
    ),
    "currency": ("Währung", "Devise", "Moneda", "Valuta", "Waluta", "通貨", "통화"),
    "email": (
        "E-Mail-Adresse", "Adresse e-mail", "Correo electrónico", "Indirizzo e-mail", "E-mailadres", "Adres e-mail",
        "メールアドレス", "이메일",
    ),
    "phone": (
        "Telefon", "Telefonnummer", "Téléphone", "Teléfono", "Telefono", "Telefoonnummer", "Numer telefonu",
        "電話番号", "전화번호", "휴대폰번호",
    ),
    "city": ("Stadt", "Ville", "Ciudad", "Città", "Plaats", "Miasto", "市区町村", "도시"),
    "country": ("Land", "Pays", "País", "Paese", "Kraj", "国", "국가"),
}  # fmt: skip


def with_other_languages(names: Names) -> Names:
    """Return the names of columns by field with those of other languages behind them."""
    return {
        field: (*known, *(name for name in _NAMES.get(field, ()) if name not in known))
        for field, known in names.items()
    }
