namespace Chasqui.Gateway.Sessions;

/// <summary>How much is kept.</summary>
/// <param name="Sessions">Sessions that are not deleted.</param>
/// <param name="Turns">Turns in them.</param>
/// <param name="Bytes">Bytes of all changes as they are stored, each with <see cref="OfChange"/> for its row; those that remember deleted names are counted too.</param>
public readonly record struct SessionUsage(long Sessions, long Turns, long Bytes)
{
    /// <summary>Bytes of a change beside its body: its row, its keys, its place in an index; and its share of the session's row.</summary>
    public const int OfChange = 256;

    /// <summary>Both together.</summary>
    public static SessionUsage operator +(SessionUsage a, SessionUsage b) => new(a.Sessions + b.Sessions, a.Turns + b.Turns, a.Bytes + b.Bytes);

    /// <summary>The one without the other.</summary>
    public static SessionUsage operator -(SessionUsage a, SessionUsage b) => new(a.Sessions - b.Sessions, a.Turns - b.Turns, a.Bytes - b.Bytes);

    /// <summary>What a write will add, at most.</summary>
    /// <param name="write">The write.</param>
    /// <param name="source">Of a fork, the other session.</param>
    public static SessionUsage Of(SessionWrite write, Session? source) => write switch
    {
        AppendTurns append => new(0, append.Messages.Count, OfChange + append.Bytes),
        CreateSession create => new(1, 0, OfChange + Of(create.Settings)),
        UpdateSession update => new(0, 0, OfChange + Of(update.Settings)),
        ForkSession fork => new(1, source?.Messages ?? 0, OfChange + Of(fork.Settings ?? source?.Settings) + (source?.Bytes ?? 0)),
        _ => default,
    };

    // The title and the model, each character of at most three bytes, and the rest.
    private static long Of(SessionSettings? settings) => 256 + (3L * ((settings?.Title.Length ?? 0) + (settings?.Model.Length ?? 0)));
}
