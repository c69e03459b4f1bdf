using System.Globalization;
using Npgsql;

namespace Chasqui.Storage;

/// <summary>How a PostgreSQL is reached, with all that bounds how long it is waited for.</summary>
internal static class PostgresSource
{
    private const int Connections = 16;
    private const int ConnectSeconds = 5;

    /// <summary>Reads a connection string.</summary>
    /// <returns>Connections for reads and writes, one of its own for news, and the name of the place for people.</returns>
    /// <exception cref="SessionStoreException">It is none.</exception>
    public static (NpgsqlDataSource Work, NpgsqlDataSource News, string Place) Of(string connection, PostgresTimes times)
    {
        try
        {
            var said = new NpgsqlConnectionStringBuilder(connection);
            said.ApplicationName ??= "chasqui";
            // A server takes 100 by default, from all gateways together.
            if (!said.ContainsKey("Maximum Pool Size"))
                said.MaxPoolSize = Connections;
            if (!said.ContainsKey("Timeout"))
                said.Timeout = ConnectSeconds;
            // A connection that was cut without a word is found out by the system, too.
            said.TcpKeepAlive = true;
            if (!said.ContainsKey("TCP Keepalive Time"))
                (said.TcpKeepAliveTime, said.TcpKeepAliveInterval) = (10, 5);
            // Data of a session belongs in no error text; the log of the database has the details.
            said.IncludeErrorDetail = false;
            // What the operator says comes later, and holds.
            said.Options = string.Create(
                CultureInfo.InvariantCulture, $"-c lock_timeout={(long)times.LockTimeout.TotalMilliseconds} -c statement_timeout={(long)times.StatementTimeout.TotalMilliseconds} {said.Options}").TrimEnd();
            var place = string.Create(CultureInfo.InvariantCulture, $"PostgreSQL {said.Host}:{said.Port}/{said.Database}");
            var work = NpgsqlDataSource.Create(said);
            // An idle connection of the pool may be as dead as the one that it would replace.
            said.Pooling = false;
            return (work, NpgsqlDataSource.Create(said), place);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException or OverflowException)
        {
            throw Wrong(e);
        }
    }

    /// <summary>Whether it is a connection string.</summary>
    /// <exception cref="SessionStoreException">It is none.</exception>
    public static void Check(string connection)
    {
        try
        {
            _ = new NpgsqlConnectionStringBuilder(connection);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException or OverflowException)
        {
            throw Wrong(e);
        }
    }

    /// <summary>The reason is left out: it may have a part of the password.</summary>
    private static SessionStoreException Wrong(Exception e) => new(
        StoreFault.Unavailable,
            "Sessions:Database is no connection string of PostgreSQL; it must be one such as Host=db;Username=chasqui;Password=…;Database=chasqui", e);
}
