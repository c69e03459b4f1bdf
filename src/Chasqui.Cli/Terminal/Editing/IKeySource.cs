namespace Chasqui.Cli;

/// <summary>Keys as they are typed on a terminal.</summary>
internal interface IKeySource
{
    /// <summary>Whether a key is there already. After a line break that means that text is being pasted.</summary>
    bool IsPending { get; }

    /// <summary>Waits for the next key, which is not shown.</summary>
    ConsoleKeyInfo Read();
}

/// <summary>The keys of this process's terminal.</summary>
internal sealed class ConsoleKeys : IKeySource
{
    public bool IsPending => Console.KeyAvailable;

    public ConsoleKeyInfo Read() => Console.ReadKey(intercept: true);
}
