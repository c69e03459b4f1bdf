namespace Chasqui.Cli;

/// <summary>Ends a verb with one line on standard error and an exit code.</summary>
internal class CliException(string message, int exitCode = ExitCodes.Failure, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;
}

/// <summary>The verb was used wrongly.</summary>
internal sealed class UsageException(string message) : CliException(message, ExitCodes.Usage);

/// <summary>No gateway answers at the address, or the connection to it broke.</summary>
internal sealed class GatewayUnreachableException(string message, Exception? inner = null) : CliException(message, ExitCodes.Unreachable, inner);

/// <summary>Whoever read standard output has gone (<c>| head -1</c>); there is nobody left to tell.</summary>
internal sealed class OutputClosedException(Exception inner) : IOException("standard output is closed", inner);
