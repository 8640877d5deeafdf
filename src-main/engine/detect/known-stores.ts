/**
 * Programs that keep data and have no dump driver. One line each:
 *
 *   id | label | criticality | images | data folders
 *
 * An image stands for itself and for everything that ends in `/` and it; `*` stands for any letters. A
 * folder marked with `!` is used by this program alone, so that a mount there is proof enough, whatever
 * the image is called. Engines that have a driver are in the last block: they come here only when no
 * driver claims the container.
 */
export const knownStores = `
arangodb        | ArangoDB         | critical   | arangodb | !/var/lib/arangodb3
cassandra       | Cassandra        | critical   | cassandra | !/var/lib/cassandra !/bitnami/cassandra
chroma          | ChromaDB         | important  | chroma chromadb | /data !/chroma/chroma
clickhouse      | ClickHouse       | important  | clickhouse clickhouse-server | !/var/lib/clickhouse !/bitnami/clickhouse
cockroachdb     | CockroachDB      | critical   | cockroach cockroachdb | !/cockroach/cockroach-data
consul          | Consul           | important  | consul | !/consul/data
couchdb         | CouchDB          | critical   | couchdb | !/opt/couchdb/data !/bitnami/couchdb
dgraph          | Dgraph           | critical   | dgraph/dgraph dgraph/standalone | !/dgraph
dragonfly       | Dragonfly        | replayable | dragonfly dragonflydb | /data
elasticsearch   | Elasticsearch    | important  | elasticsearch elasticsearch-oss | !/usr/share/elasticsearch/data !/bitnami/elasticsearch/data
etcd            | etcd             | critical   | etcd | !/etcd-data !/bitnami/etcd !/default.etcd /var/lib/etcd /etcd
firebird        | Firebird         | critical   | firebird firebirdsql | !/firebird/data !/var/lib/firebird/data
garage          | Garage           | critical   | garage *_garage | !/var/lib/garage/meta !/var/lib/garage/data
graphite        | Graphite         | important  | graphite graphite-statsd | !/opt/graphite/storage
immudb          | immudb           | critical   | immudb | !/var/lib/immudb
influxdb        | InfluxDB         | important  | influxdb influxdb3-core | !/var/lib/influxdb2 !/var/lib/influxdb3 !/var/lib/influxdb !/bitnami/influxdb
kafka           | Kafka            | important  | kafka cp-kafka kafka-native | !/var/lib/kafka/data !/bitnami/kafka /var/lib/kafka /kafka /tmp/kafka-logs
keydb           | KeyDB            | replayable | keydb | /data
loki            | Loki             | important  | grafana/loki | /loki /tmp/loki
manticore       | Manticore Search | important  | manticore | !/var/lib/manticore
meilisearch     | Meilisearch      | replayable | meilisearch | !/meili_data !/data.ms
milvus          | Milvus           | important  | milvusdb/milvus | !/var/lib/milvus
minio           | MinIO            | critical   | minio minio-aistor | /data !/bitnami/minio/data /export
mssql           | SQL Server       | critical   | mssql/server azure-sql-edge mssql-server-linux | !/var/opt/mssql/data !/var/opt/mssql
nats            | NATS             | important  | nats | /data /nats/data /tmp/nats
neo4j           | Neo4j            | critical   | neo4j | /data !/var/lib/neo4j/data !/bitnami/neo4j
openldap        | OpenLDAP         | critical   | openldap | !/var/lib/ldap !/bitnami/openldap /etc/ldap/slapd.d
opensearch      | OpenSearch       | important  | opensearch | !/usr/share/opensearch/data
oracle          | Oracle Database  | critical   | oracle-xe oracle-free database/free database/express database/enterprise | !/opt/oracle/oradata
prometheus      | Prometheus       | important  | prom/prometheus bitnami/prometheus | /prometheus /opt/bitnami/prometheus/data
qdrant          | Qdrant           | important  | qdrant | !/qdrant/storage
questdb         | QuestDB          | important  | questdb | !/var/lib/questdb !/root/.questdb
rabbitmq        | RabbitMQ         | important  | rabbitmq | !/var/lib/rabbitmq !/bitnami/rabbitmq
ravendb         | RavenDB          | critical   | ravendb | !/var/lib/ravendb/data !/opt/RavenDB/Server/RavenData
redpanda        | Redpanda         | important  | redpanda | !/var/lib/redpanda/data
rethinkdb       | RethinkDB        | critical   | rethinkdb | /data
scylla          | ScyllaDB         | critical   | scylla | !/var/lib/scylla
seaweedfs       | SeaweedFS        | critical   | seaweedfs | /data
solr            | Solr             | important  | solr | !/var/solr /opt/solr/server/solr
surrealdb       | SurrealDB        | critical   | surrealdb | /data /mydata /surrealdb
tempo           | Tempo            | replayable | grafana/tempo | /var/tempo /tmp/tempo
mimir           | Mimir            | important  | grafana/mimir | /data /tmp/mimir
typesense       | Typesense        | replayable | typesense | /data
vault           | Vault            | critical   | vault openbao | !/vault/file !/vault/data !/openbao/file
victoriametrics | VictoriaMetrics  | important  | victoria-metrics victoria-logs | !/victoria-metrics-data !/victoria-logs-data /storage
weaviate        | Weaviate         | important  | weaviate | !/var/lib/weaviate
yugabytedb      | YugabyteDB       | critical   | yugabyte | !/home/yugabyte/yb_data /mnt/data
zookeeper       | ZooKeeper        | important  | zookeeper cp-zookeeper | !/bitnami/zookeeper !/var/lib/zookeeper/data /data /datalog

mariadb         | MariaDB          | critical   | mariadb mariadb-aria mariadb-galera mariadb-server alpine-mariadb | !/bitnami/mariadb /var/lib/mysql /config
mysql           | MySQL            | critical   | mysql mysql-server percona percona-server percona-xtradb-cluster alpine-mysql | !/var/lib/mysql !/bitnami/mysql
mongodb         | MongoDB          | critical   | mongo mongodb mongodb-community-server mongodb-enterprise-server percona-server-mongodb mongodb-atlas-local | !/data/db !/bitnami/mongodb
redis           | Redis            | replayable | redis valkey redis-stack redis-stack-server | /data !/bitnami/redis/data !/bitnami/valkey/data
postgres        | PostgreSQL       | critical   | postgres postgresql postgis timescaledb timescaledb-ha pgvector | !/var/lib/postgresql/data !/var/lib/postgresql !/bitnami/postgresql
`

/** Ports on which only databases listen: a container that exposes one and keeps data is treated as one. */
export const databasePorts: ReadonlyMap<number, string> = new Map([
  [1433, 'SQL Server'],
  [1521, 'Oracle Database'],
  [2379, 'etcd'],
  [3306, 'MySQL'],
  [5432, 'PostgreSQL'],
  [5984, 'CouchDB'],
  [6333, 'Qdrant'],
  [6379, 'Redis'],
  [7687, 'Neo4j'],
  [7700, 'Meilisearch'],
  [8086, 'InfluxDB'],
  [8108, 'Typesense'],
  [9042, 'Cassandra'],
  [9200, 'Elasticsearch'],
  [19530, 'Milvus'],
  [26257, 'CockroachDB'],
  [27017, 'MongoDB'],
  [28015, 'RethinkDB'],
])
