using System.Text;

namespace Chasqui.Cli;

/// <summary>The prompt: the arguments, standard input when it is a pipe, or both with a blank line between.</summary>
internal static class PromptInput
{
    /// <summary>Most characters taken from standard input.</summary>
    public const int MaxCharacters = 16 << 20;

    public static async Task<string> ReadAsync(CliConsole console, IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        var argument = string.Join(' ', arguments);
        var input = console.InputIsTerminal ? "" : (await ReadAllAsync(console.In, cancellationToken)).TrimEnd('\r', '\n');
        if (string.IsNullOrWhiteSpace(argument) && string.IsNullOrWhiteSpace(input))
            throw new UsageException("there is nothing to ask: give a prompt, such as 'chasqui ask \"A story\"', or text on standard input");
        if (string.IsNullOrWhiteSpace(input))
            return argument;
        return string.IsNullOrWhiteSpace(argument) ? input : argument + "\n\n" + input;
    }

    private static async Task<string> ReadAllAsync(TextReader reader, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        var buffer = new char[8192];
        while (true)
        {
            // A read of a pipe that nobody writes to cannot be cancelled; it is left behind.
            var count = await reader.ReadAsync(buffer.AsMemory(), cancellationToken).AsTask().WaitAsync(cancellationToken);
            if (count == 0)
                return text.ToString();
            text.Append(buffer, 0, count);
            if (text.Length > MaxCharacters)
                throw new UsageException($"standard input is longer than {MaxCharacters >> 20} Mi characters");
        }
    }
}
