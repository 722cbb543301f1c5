-- The conversations of a customer, ended ones included, in the order of their list.
CREATE INDEX conversations_of_customer ON conversations (customer_id, created_at, seq);
