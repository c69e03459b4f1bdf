using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Chasqui.Storage;

/// <summary>A statement that is prepared once and run often, with parameters <c>$1</c>, <c>$2</c> and so on. Not thread-safe.</summary>
internal sealed class SqliteStatement : IDisposable
{
    private readonly SqliteCommand _command;

    public SqliteStatement(SqliteConnection connection, string sql, int parameters)
    {
        _command = connection.CreateCommand();
        _command.CommandText = sql;
        for (var i = 1; i <= parameters; i++)
            _command.Parameters.Add(new SqliteParameter { ParameterName = "$" + i.ToString(CultureInfo.InvariantCulture) });
    }

    /// <summary>The transaction that it runs in.</summary>
    public SqliteTransaction? Transaction { set => _command.Transaction = value; }

    public void Run(params ReadOnlySpan<object> values)
    {
        Bind(values);
        _command.ExecuteNonQuery();
    }

    public T One<T>(Func<SqliteDataReader, T> read, params ReadOnlySpan<object> values)
    {
        Bind(values);
        using var rows = _command.ExecuteReader();
        rows.Read();
        return read(rows);
    }

    public T? OneOrNone<T>(Func<SqliteDataReader, T> read, params ReadOnlySpan<object> values)
        where T : struct
    {
        Bind(values);
        using var rows = _command.ExecuteReader();
        return rows.Read() ? read(rows) : null;
    }

    public void Dispose() => _command.Dispose();

    private void Bind(ReadOnlySpan<object> values)
    {
        for (var i = 0; i < values.Length; i++)
            _command.Parameters[i].Value = values[i];
    }
}
