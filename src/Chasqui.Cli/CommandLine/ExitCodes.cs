namespace Chasqui.Cli;

/// <summary>What the program returns; a part of its contract, shown by <c>--help</c>.</summary>
internal static class ExitCodes
{
    /// <summary>It did what was asked.</summary>
    public const int Success = 0;

    /// <summary>It was asked rightly, and failed.</summary>
    public const int Failure = 1;

    /// <summary>It was asked wrongly.</summary>
    public const int Usage = 2;

    /// <summary>No gateway answers, or the connection to it broke.</summary>
    public const int Unreachable = 3;

    /// <summary>Ctrl-C, or SIGTERM, ended it early.</summary>
    public const int Cancelled = 130;
}
