using Spectre.Console;

namespace Chasqui.Cli;

/// <summary>Shows that something is going on; on standard error, and only on a terminal.</summary>
internal static class Spinner
{
    public static Task<T> RunAsync<T>(CliConsole console, string text, Task<T> work) => console.ErrorIsTerminal
        ? console.RichError.Status().Spinner(Spectre.Console.Spinner.Known.Dots).StartAsync(Markup.Escape(SafeText.OneLine(text)), _ => work)
        : work;
}
