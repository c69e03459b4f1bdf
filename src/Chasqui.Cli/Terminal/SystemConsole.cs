using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Chasqui.Cli;

/// <summary>The console of this process.</summary>
internal static class SystemConsole
{
    private static readonly UTF8Encoding _utf8 = new(encoderShouldEmitUTF8Identifier: false);

    public static CliConsole Open()
    {
        var dumb = Environment.GetEnvironmentVariable("TERM") is "dumb";
        return new CliConsole
        {
            In = new StreamReader(Input(), _utf8),
            Out = new StreamWriter(Output(), _utf8, bufferSize: 4096),
            Error = new StreamWriter(Console.OpenStandardError(), _utf8, bufferSize: 256) { AutoFlush = true },
            InputIsTerminal = !Console.IsInputRedirected,
            Keys = Console.IsInputRedirected || Console.IsErrorRedirected || dumb ? null : new ConsoleKeys(),
            OutputIsTerminal = !Console.IsOutputRedirected && !dumb,
            ErrorIsTerminal = !Console.IsErrorRedirected && !dumb,
            Width = () => Console.IsOutputRedirected && Console.IsErrorRedirected ? 80 : Math.Max(20, Console.WindowWidth),
        };
    }

    /// <summary>
    /// .NET's own line reading knows no key but backspace. Read directly, the terminal edits the line as it does everywhere
    /// (Ctrl-U, Ctrl-W, Ctrl-D in the middle of a line).
    /// </summary>
    private static Stream Input()
    {
        if (Console.IsInputRedirected || OperatingSystem.IsWindows())
            return Console.OpenStandardInput();
        return new FileStream(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0);
    }

    /// <summary>
    /// The stream of <see cref="Console"/> hides that a pipe's reader has gone, and a generation nobody reads would go on.
    /// So a pipe is written to directly. A regular file is not: several writers may share its offset (<c>&gt;file 2&gt;&amp;1</c>).
    /// </summary>
    private static Stream Output()
    {
        if (!Console.IsOutputRedirected || OperatingSystem.IsWindows())
            return Console.OpenStandardOutput();
        try
        {
            var direct = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
            return direct.CanSeek ? Console.OpenStandardOutput() : new PipeStream(direct);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // Standard output is closed; the console's stream swallows what is written.
            return Console.OpenStandardOutput();
        }
    }

    /// <summary>Names the one failure that is no failure: the reader has gone.</summary>
    private sealed class PipeStream(Stream inner) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() { }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            try
            {
                inner.Write(buffer);
            }
            catch (IOException e)
            {
                throw new OutputClosedException(e);
            }
        }
    }
}
