select film_loan_id, member_id, film_id, lent_at from {{ source('raw', 'library__film_loans') }}
