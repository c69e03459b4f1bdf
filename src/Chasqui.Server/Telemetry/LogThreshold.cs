using Microsoft.Extensions.Logging;

namespace Chasqui.Server;

/// <summary>The least level that is logged; it may change while the gateway runs. Thread-safe.</summary>
internal sealed class LogThreshold(LogLevel level)
{
    private volatile int _level = (int)level;

    /// <summary>The least level; <see cref="LogLevel.None"/> for no log at all.</summary>
    public LogLevel Level
    {
        get => (LogLevel)_level;
        set => _level = (int)value;
    }

    /// <summary>Whether what has this level is logged.</summary>
    public bool Allows(LogLevel level) => (int)level >= _level;
}
